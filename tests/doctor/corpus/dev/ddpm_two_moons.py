import torch
import torch.nn as nn
from sklearn.datasets import make_moons

torch.manual_seed(0)
data = torch.tensor(make_moons(2000, noise=0.05, random_state=0)[0], dtype=torch.float32)
data = (data - data.mean(0)) / data.std(0)
T = 50
beta = torch.linspace(1e-3, 0.15, T)
alpha_bar = torch.cumprod(1 - beta, 0)


class Denoiser(nn.Module):
    def __init__(self, width=64):
        super().__init__()
        self.time = nn.Embedding(T, width)
        self.inp = nn.Linear(2, width)
        self.mid = nn.Sequential(nn.SiLU(), nn.Linear(width, width), nn.SiLU(), nn.Linear(width, 2))

    def forward(self, x, t):
        return self.mid(self.inp(x) + self.time(t))


def noise_loss(model, x):
    t = torch.randint(0, T, (len(x),))
    eps = torch.randn_like(x)
    a = alpha_bar[t].unsqueeze(1)
    return ((model(a.sqrt() * x + (1 - a).sqrt() * eps, t) - eps) ** 2).mean()


model = Denoiser()
opt = torch.optim.AdamW(model.parameters(), lr=3e-3)
for step in range(400):
    loss = noise_loss(model, data[torch.randint(0, 2000, (128,))])
    opt.zero_grad()
    loss.backward()
    opt.step()
    if step % 80 == 0:
        print(step, loss.item())
with torch.no_grad():
    print("noise mse", noise_loss(model, data.repeat(4, 1)).item())
