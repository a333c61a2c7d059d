import torch
import torch.nn as nn

torch.manual_seed(0)
gen = nn.Sequential(nn.Linear(2, 32), nn.ReLU(), nn.Linear(32, 2))
critic = nn.Sequential(nn.Linear(2, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 1))
g_opt = torch.optim.Adam(gen.parameters(), lr=2e-3, betas=(0.0, 0.9))
c_opt = torch.optim.Adam(critic.parameters(), lr=2e-3, betas=(0.0, 0.9))
mean = torch.tensor([1.5, -1.0])


def real(n):
    return mean + 0.4 * torch.randn(n, 2)


def penalty(a, b):
    mix = torch.rand(len(a), 1)
    point = (mix * a + (1 - mix) * b).requires_grad_()
    (grad,) = torch.autograd.grad(critic(point).sum(), point, create_graph=True)
    return ((grad.norm(dim=1) - 1) ** 2).mean()


for it in range(120):
    for _ in range(3):
        x, z = real(64), gen(torch.randn(64, 2)).detach()
        c_loss = critic(z).mean() - critic(x).mean() + 5 * penalty(x, z)
        c_opt.zero_grad()
        c_loss.backward()
        c_opt.step()
    g_loss = -critic(gen(torch.randn(64, 2))).mean()
    g_opt.zero_grad()
    g_loss.backward()
    g_opt.step()
    if it % 30 == 29:
        print(it + 1, c_loss.item(), g_loss.item())
with torch.no_grad():
    print("distance of the means", (gen(torch.randn(1000, 2)).mean(0) - mean).norm().item())
