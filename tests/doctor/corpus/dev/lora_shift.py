import torch
from torch import nn
torch.manual_seed(0)
class LoRA(nn.Module):
    def __init__(self, base, r=4):
        super().__init__()
        self.base = base
        for p in base.parameters(): p.requires_grad_(False)
        self.A = nn.Parameter(torch.randn(r, base.in_features) * 0.05)
        self.B = nn.Parameter(torch.zeros(base.out_features, r))
    def forward(self, x): return self.base(x) + x @ self.A.T @ self.B.T
X = torch.randn(1500, 10); M = torch.randn(10, 5)
y = (X @ M).argmax(1)
net = nn.Sequential(nn.Linear(10, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 5))
opt = torch.optim.Adam(net.parameters(), 3e-3)
for e in range(8):
    for i in torch.randperm(1000).split(50):
        l = nn.functional.cross_entropy(net(X[i]), y[i]); opt.zero_grad(); l.backward(); opt.step()
y2 = (X @ (M + 1.0 * torch.randn(10, 5))).argmax(1)      # the task has drifted
for k in (0, 2, 4): net[k] = LoRA(net[k])
opt = torch.optim.AdamW([p for p in net.parameters() if p.requires_grad], 5e-3)
for e in range(15):
    for i in torch.randperm(1000).split(50):
        l = nn.functional.cross_entropy(net(X[i]), y2[i]); opt.zero_grad(); l.backward(); opt.step()
with torch.no_grad(): print("accuracy", (net(X[1000:]).argmax(1) == y2[1000:]).float().mean().item())
