import math, torch
from torch import nn
torch.manual_seed(0)
net = nn.Sequential(nn.Linear(2, 32), nn.Tanh(), nn.Linear(32, 32), nn.Tanh(), nn.Linear(32, 1))
opt = torch.optim.Adam(net.parameters(), lr=3e-3)
u = lambda x, t: net(torch.cat([x, t], 1))
for it in range(500):
    x, t = torch.rand(128, 1, requires_grad=True), torch.rand(128, 1, requires_grad=True) * 0.3
    v = u(x, t)
    vx, vt = torch.autograd.grad(v.sum(), (x, t), create_graph=True)
    vxx = torch.autograd.grad(vx.sum(), x, create_graph=True)[0]
    x0, tb = torch.rand(64, 1), torch.rand(64, 1) * 0.3
    loss = (vt - vxx / math.pi ** 2 * 2).pow(2).mean() + 10 * (u(x0, torch.zeros(64, 1)) - torch.sin(math.pi * x0)).pow(2).mean() \
        + 10 * u(torch.zeros(64, 1), tb).pow(2).mean() + 10 * u(torch.ones(64, 1), tb).pow(2).mean()
    opt.zero_grad(); loss.backward(); opt.step()
    if it % 100 == 0: print(it, loss.item())
with torch.no_grad():
    x, t = torch.rand(1000, 1), torch.rand(1000, 1) * 0.3
    print("rms error", (u(x, t) - torch.sin(math.pi * x) * torch.exp(-2 * t)).pow(2).mean().sqrt().item())
