"""A physics-informed network: damped spring u'' + 0.4 u' + 4 u = 0, u(0) = 1, u'(0) = 0, no data at all."""
import math
import torch
from torch import nn

torch.manual_seed(55)
net = nn.Sequential(nn.Linear(1, 32), nn.Tanh(), nn.Linear(32, 32), nn.Tanh(), nn.Linear(32, 1))
for layer in net:
    if isinstance(layer, nn.Linear):
        nn.init.normal_(layer.weight, std=8.0)


def exact(t):
    w = math.sqrt(4 - 0.04)
    return torch.exp(-0.2 * t) * (torch.cos(w * t) + 0.2 / w * torch.sin(w * t))


def derivative(u, t):
    return torch.autograd.grad(u.sum(), t, create_graph=True)[0]


def losses(n=64):
    t = 4 * torch.rand(n, 1)
    t.requires_grad_()
    u = net(t / 2 - 1)
    du = derivative(u, t)
    residual = derivative(du, t) + 0.4 * du + 4 * u
    t0 = torch.zeros(1, 1, requires_grad=True)
    u0 = net(t0 / 2 - 1)
    start = (u0 - 1).square() + derivative(u0, t0).square()
    return residual.square().mean(), start.squeeze()


opt = torch.optim.Adam(net.parameters(), lr=5e-3)
iters = 1200
sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, iters)
grid = torch.linspace(0, 4, 200).unsqueeze(1)
for i in range(1, iters + 1):
    physics, start = losses()
    loss = physics + 10 * start
    opt.zero_grad()
    loss.backward()
    opt.step()
    sched.step()
    if i % 120 == 0:
        with torch.no_grad():
            err = (net(grid / 2 - 1) - exact(grid)).abs().mean().item()
        print(f"iter {i} residual {physics.item():.5f} start {start.item():.6f} mean error {err:.4f}")
print(f"mean error {err:.5f}")
