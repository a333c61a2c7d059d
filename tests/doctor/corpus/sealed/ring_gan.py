"""Toy GAN: eight Gaussians on a ring."""
import math
import torch
from torch import nn

torch.manual_seed(4)
B, Z = 128, 4
angles = torch.arange(8) * math.pi / 4
centres = 1.5 * torch.stack([angles.cos(), angles.sin()], 1)


def real_batch(n=B):
    return centres[torch.randint(8, (n,))] + 0.12 * torch.randn(n, 2)


G = nn.Sequential(nn.Linear(Z, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 2))
D = nn.Sequential(nn.Linear(2, 64), nn.LeakyReLU(0.2), nn.Linear(64, 64), nn.LeakyReLU(0.2), nn.Linear(64, 1))
opt_g = torch.optim.Adam(G.parameters(), lr=1e-3, betas=(0.5, 0.99))
opt_d = torch.optim.Adam(D.parameters(), lr=1e-3, betas=(0.5, 0.99))
bce = nn.BCEWithLogitsLoss()
ones, zeros = torch.ones(B, 1), torch.zeros(B, 1)


def mmd(a, b):
    def k(u, v):
        d = torch.cdist(u, v).square()
        return sum(torch.exp(-d / s) for s in (0.1, 0.5, 2.0)).mean()
    return (k(a, a) + k(b, b) - 2 * k(a, b)).item()


for step in range(1501):
    real = real_batch()
    fake = G(torch.randn(B, Z))

    d_loss = bce(D(real), 0.9 * ones) + bce(D(fake.detach()), zeros)
    opt_d.zero_grad()
    d_loss.backward()
    opt_d.step()

    g_loss = bce(D(fake), ones)
    opt_g.zero_grad()
    g_loss.backward()
    opt_g.step()

    if step % 150 == 0:
        with torch.no_grad():
            value = mmd(G(torch.randn(1000, Z)), real_batch(1000))
        print(f"step {step:5d}  D {d_loss.item():.3f}  G {g_loss.item():.3f}  mmd {value:.4f}")

with torch.no_grad():
    print(f"mmd {sum(mmd(G(torch.randn(1000, Z)), real_batch(1000)) for _ in range(5)) / 5:.4f}")
