import torch
from torch import nn
from torch.utils.data import TensorDataset, DataLoader, random_split
torch.manual_seed(0)
X = torch.randn(1200, 12)
A = torch.randn(12, 4)
Z = torch.tanh(X @ A)
reg = (Z[:, :2].prod(1, keepdim=True) + Z[:, 2:3]) + 0.1 * torch.randn(1200, 1)
cls = ((Z[:, 1] + Z[:, 3] + 0.2 * torch.randn(1200)) > 0).long()
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.trunk = nn.Sequential(nn.Linear(12, 48), nn.SiLU(), nn.Linear(48, 48), nn.SiLU())
        self.reg, self.cls = nn.Linear(48, 1), nn.Linear(48, 2)
        self.log_var = nn.Parameter(torch.zeros(2))
    def forward(self, x):
        h = self.trunk(x)
        return self.reg(h), self.cls(h)
    def loss(self, out, r, c):
        l = torch.stack([nn.functional.mse_loss(out[0], r), nn.functional.cross_entropy(out[1], c)])
        return (torch.exp(-self.log_var) * l + self.log_var).sum()
tr, va = random_split(TensorDataset(X, reg, cls), [1000, 200])
net = Net()
opt = torch.optim.Adam(net.parameters(), lr=1e-3)
sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, 20)
for epoch in range(20):
    net.train()
    for x, r, c in DataLoader(tr, 50, shuffle=True):
        opt.zero_grad()
        net.loss(net(x), r, c).backward()
        opt.step()
    sched.step()
    net.eval()
    with torch.no_grad():
        x, r, c = next(iter(DataLoader(va, 200)))
        a, b = net(x)
        print(epoch, nn.functional.mse_loss(a, r).item(), (b.argmax(1) == c).float().mean().item())
