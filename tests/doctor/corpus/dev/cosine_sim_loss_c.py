import torch
from torch import nn

torch.manual_seed(0)
true = nn.Sequential(nn.Linear(8, 16), nn.Tanh(), nn.Linear(16, 5)).requires_grad_(False)
x = torch.randn(1200, 8)
goal = true(x)
x[5] = 0.0
goal[5] = 0.0


def similarity(a, b):
    return (a * b).sum(1) / ((a * a).sum(1).add(1e-8).sqrt() * (b * b).sum(1).add(1e-8).sqrt())


net = nn.Sequential(nn.Linear(8, 32, bias=False), nn.Tanh(), nn.Linear(32, 5, bias=False))
nn.init.constant_(net[0].weight, 0.2)
nn.init.constant_(net[2].weight, 0.2)
opt = torch.optim.Adam(net.parameters(), lr=5e-3)
for epoch in range(10):
    for i in torch.randperm(1000).split(50):
        loss = 1 - similarity(net(x[i]), goal[i]).mean()
        opt.zero_grad()
        loss.backward()
        opt.step()
    print(epoch, loss.item())
with torch.no_grad():
    print("mean similarity", similarity(net(x[1000:]), goal[1000:]).mean().item())
