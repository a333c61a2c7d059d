"""A GAN on points of a noisy circle."""
import math

import torch
import torch.nn as nn

torch.manual_seed(4)


def real_points(n):
    a = torch.rand(n) * 2 * math.pi
    return torch.stack([a.cos(), a.sin()], 1) + 0.05 * torch.randn(n, 2)


G = nn.Sequential(nn.Linear(4, 32), nn.LeakyReLU(0.2), nn.Linear(32, 32), nn.LeakyReLU(0.2), nn.Linear(32, 2))
D = nn.Sequential(nn.Linear(2, 32), nn.LeakyReLU(0.2), nn.Linear(32, 32), nn.LeakyReLU(0.2), nn.Linear(32, 1))
opt_g = torch.optim.Adam(D.parameters(), lr=1e-3, betas=(0.5, 0.999))
opt_d = torch.optim.Adam(D.parameters(), lr=1e-3, betas=(0.5, 0.999))
bce = nn.BCEWithLogitsLoss()
ones, zeros = torch.ones(64, 1), torch.zeros(64, 1)

for step in range(400):
    # discriminator
    fake = G(torch.randn(64, 4))
    opt_d.zero_grad()
    d_loss = bce(D(real_points(64)), ones) + bce(D(fake.detach()), zeros)
    d_loss.backward()
    opt_d.step()
    # generator
    opt_g.zero_grad()
    g_loss = bce(D(fake), ones)
    g_loss.backward()
    opt_g.step()
    if step % 100 == 0:
        print(step, round(d_loss.item(), 3), round(g_loss.item(), 3))

with torch.no_grad():
    radius = G(torch.randn(500, 4)).norm(dim=1)
print("mean distance from the circle", (radius - 1).abs().mean().item())
