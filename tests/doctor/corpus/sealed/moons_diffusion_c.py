import math
import torch
from torch import nn
from sklearn.datasets import make_moons

torch.manual_seed(12)
data, _ = make_moons(4000, noise=0.05, random_state=12)
data = torch.tensor(data, dtype=torch.float32)
data = (data - data.mean(0)) / data.std(0)
train, valid = data[:3200], data[3200:]

STEPS = 40
betas = torch.linspace(1e-3, 0.2, STEPS)
alphas = 1 - betas
abar = torch.cumprod(alphas, 0)


class Denoiser(nn.Module):
    def __init__(self, width=96, freqs=8):
        super().__init__()
        self.register_buffer("w", torch.exp(torch.linspace(0, math.log(40), freqs)))
        self.net = nn.Sequential(
            nn.Linear(2 + 2 * freqs, width), nn.SiLU(), nn.Linear(width, width), nn.SiLU(), nn.Linear(width, 2)
        )

    def forward(self, x, t):
        phase = (t.float() / STEPS).unsqueeze(1) * self.w
        return self.net(torch.cat([x, phase.sin(), phase.cos()], dim=1))


def noise_loss(model, x0, generator=None):
    t = torch.randint(STEPS, (len(x0),), generator=generator)
    eps = torch.randn(x0.shape, generator=generator)
    a = abar[t].unsqueeze(1)
    xt = a.sqrt() * x0 + (1 - a).sqrt() * eps
    return (model(xt, t) - eps).pow(2).mean()


@torch.no_grad()
def sample(model, n):
    x = torch.randn(n, 2)
    for t in reversed(range(STEPS)):
        eps = model(x, torch.full((n,), t))
        x = (x - betas[t] / (1 - abar[t]).sqrt() * eps) / alphas[t].sqrt()
        if t:
            x = x + betas[t].sqrt() * torch.randn(n, 2)
    return x


model = Denoiser()
opt = torch.optim.Adam(model.parameters(), lr=0.3)
sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, 25)
for epoch in range(25):
    running = 0.0
    for idx in torch.randperm(len(train)).split(100):
        loss = noise_loss(model, train[idx])
        opt.zero_grad()
        loss.backward()
        opt.step()
        running += loss.item() / 32
    sched.step()
    if epoch % 3 == 0 or epoch == 24:
        with torch.no_grad():
            val = sum(noise_loss(model, valid, torch.Generator().manual_seed(k)).item() for k in range(5)) / 5
        print(f"epoch {epoch:2d} train {running:.4f} valid {val:.4f}")

points = sample(model, 800)
nearest = torch.cdist(points, valid).min(1).values.mean().item()
print(f"mean distance of samples to the held-out points: {nearest:.4f}")
print(f"denoising loss: {val:.4f}")
