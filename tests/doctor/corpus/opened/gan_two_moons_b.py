import torch
import torch.nn as nn
from sklearn.datasets import make_moons

torch.manual_seed(0)
points, _ = make_moons(2000, noise=0.06, random_state=0)
real_data = torch.tensor(points, dtype=torch.float32)
real_data = (real_data - real_data.mean(0)) / real_data.std(0)

z_dim = 4
G = nn.Sequential(nn.Linear(z_dim, 64), nn.LeakyReLU(0.2), nn.Linear(64, 64), nn.LeakyReLU(0.2), nn.Linear(64, 2))
D = nn.Sequential(nn.Linear(2, 64), nn.LeakyReLU(0.2), nn.Linear(64, 64), nn.LeakyReLU(0.2), nn.Linear(64, 1))

g_opt = torch.optim.Adam(G.parameters(), lr=1e-3, betas=(0.5, 0.999))
d_opt = torch.optim.Adam(D.parameters(), lr=1e-3, betas=(0.5, 0.999))
bce = nn.BCEWithLogitsLoss()


def energy_distance(a, b):
    return (2 * torch.cdist(a, b).mean() - torch.cdist(a, a).mean() - torch.cdist(b, b).mean()).item()


for it in range(1, 1601):
    real = real_data[torch.randint(len(real_data), (128,))]
    ones, zeros = torch.ones(128, 1), torch.zeros(128, 1)

    # discriminator
    fake = G(torch.randn(128, z_dim))
    d_loss = bce(D(real), ones * 0.9) + bce(D(fake.detach()), zeros)
    d_opt.zero_grad()
    d_loss.backward()
    d_opt.step()

    # generator
    fake = G(torch.randn(128, z_dim))
    g_loss = bce(D(fake.detach()), ones)
    g_opt.zero_grad()
    g_loss.backward()
    g_opt.step()

    if it % 200 == 0:
        with torch.no_grad():
            dist = energy_distance(G(torch.randn(1000, z_dim)), real_data[:1000])
        print(f"iter {it} d_loss {d_loss.item():.3f} g_loss {g_loss.item():.3f} energy distance {dist:.4f}")
