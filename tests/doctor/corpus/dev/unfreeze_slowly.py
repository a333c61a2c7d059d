import torch
from torch import nn
from sklearn.datasets import load_digits
torch.manual_seed(1)
d = load_digits()
X, y = torch.tensor(d.images, dtype=torch.float32).unsqueeze(1) / 16, torch.tensor(d.target)
p = torch.randperm(len(X)); X, y = X[p], y[p]
class Net(nn.Module):
    def __init__(self, out):
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(2), nn.Flatten())
        self.head = nn.Linear(128, out)
    def forward(self, x): return self.head(self.features(x))
pre = Net(2)
opt = torch.optim.Adam(pre.parameters(), 2e-3)
for _ in range(4):
    for i in torch.randperm(900).split(60):
        loss = nn.functional.cross_entropy(pre(X[i]), y[i] % 2)
        opt.zero_grad(); loss.backward(); opt.step()
torch.save(pre.state_dict(), "pre.pt")
net = Net(10)
state = {k: v for k, v in torch.load("pre.pt").items() if not k.startswith("head")}
net.load_state_dict(state, strict=False)
for q in net.features.parameters(): q.requires_grad_(False)
opt = torch.optim.Adam([{"params": net.head.parameters(), "lr": 3e-3}, {"params": net.features.parameters(), "lr": 5e-4}])
for epoch in range(10):
    if epoch == 3:
        for q in net.features.parameters(): q.requires_grad_(True)
    net.train()
    for i in (torch.randperm(400) + 900).split(40):
        loss = nn.functional.cross_entropy(net(X[i]), y[i])
        opt.zero_grad(); loss.backward(); opt.step()
    net.eval()
    with torch.no_grad(): print(epoch, (net(X[1300:]).argmax(1) == y[1300:]).float().mean().item())
