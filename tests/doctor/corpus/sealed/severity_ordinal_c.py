"""Ordinal regression: five grades of severity with learned, ordered thresholds."""
import numpy as np
import torch
from torch import nn
import torch.nn.functional as F

rng = np.random.default_rng(38)
torch.manual_seed(38)
GRADES = 5


def cohort(n):
    x = rng.normal(size=(n, 8))
    hidden = 1.4 * np.tanh(1.5 * x[:, 0]) + x[:, 1] * x[:, 2] + 0.8 * np.abs(x[:, 3]) + 0.5 * rng.logistic(size=n)
    return torch.tensor(x, dtype=torch.float32), torch.tensor(np.digitize(hidden, [-1.2, 0.0, 1.0, 2.2]))


class Ordinal(nn.Module):
    def __init__(self):
        super().__init__()
        self.f = nn.Sequential(nn.Linear(8, 48), nn.SiLU(), nn.Linear(48, 48), nn.SiLU(), nn.Linear(48, 1))
        self.first = nn.Parameter(torch.tensor(-1.5))
        self.gaps = nn.Parameter(torch.zeros(GRADES - 2))

    def forward(self, x):
        cuts = torch.cat([self.first[None], self.first + F.softplus(self.gaps).cumsum(0)])
        return torch.sigmoid(self.f(x) - cuts)  # logit of P(grade > k)


def loss_fn(logits, grade):
    above = (grade[:, None] > torch.arange(GRADES - 1)).float()
    return F.binary_cross_entropy_with_logits(logits, above)


x, g = cohort(5000)
x_val, g_val = cohort(2000)
model = Ordinal()
opt = torch.optim.AdamW(model.parameters(), lr=5e-3, weight_decay=1e-3)
sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, 18)
for epoch in range(18):
    total = 0.0
    for rows in torch.randperm(5000).split(100):
        loss = loss_fn(model(x[rows]), g[rows])
        opt.zero_grad()
        loss.backward()
        opt.step()
        total += loss.item() / 50
    sched.step()
    with torch.no_grad():
        out = model(x_val)
        val = loss_fn(out, g_val).item()
        mae = ((out > 0.5).sum(1) - g_val).abs().float().mean().item()
    if epoch % 2:
        print(f"epoch {epoch + 1:2d} train {total:.4f} val {val:.4f} mean absolute error in grades {mae:.4f}")
print(f"mean absolute error in grades {mae:.4f}")
