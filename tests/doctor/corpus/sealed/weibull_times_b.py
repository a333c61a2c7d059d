"""Survival times with censoring: a network gives the scale of a Weibull law, its shape is one parameter."""
import math
import torch
from torch import nn

torch.manual_seed(15)


def patients(n):
    x = torch.randn(n, 6)
    log_scale = 0.8 * torch.tanh(x[:, 0]) - 0.6 * x[:, 1].abs() + 0.5 * x[:, 2] * x[:, 3] + 1.0
    event = torch.exp(log_scale) * (-torch.log(torch.rand(n))).pow(1 / 1.8)
    censor = 8 * torch.rand(n)
    return x, torch.minimum(event, censor).round(decimals=1), (event <= censor).float()


x_train, t_train, d_train = patients(4000)
x_val, t_val, d_val = patients(1500)


class WeibullNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.log_scale = nn.Sequential(nn.Linear(6, 48), nn.ELU(), nn.Linear(48, 48), nn.ELU(), nn.Linear(48, 1))
        self.log_shape = nn.Parameter(torch.zeros(()))

    def nll(self, x, t, d):
        b = self.log_scale(x).squeeze(1)
        k = self.log_shape.exp()
        z = k * (t.log() - b)
        log_hazard = self.log_shape - b + (k - 1) * (t.log() - b)
        return -(d * log_hazard - z.exp()).mean()


def concordance(risk, t, d):
    earlier = (t[:, None] < t[None, :]) & (d[:, None] == 1)
    right = (risk[:, None] > risk[None, :]) & earlier
    return (right.sum() / earlier.sum()).item()


model = WeibullNet()
opt = torch.optim.Adam(model.parameters(), lr=4e-3, weight_decay=1e-4)
sched = torch.optim.lr_scheduler.OneCycleLR(opt, 1e-2, epochs=14, steps_per_epoch=40)
for epoch in range(14):
    tot = 0.0
    for rows in torch.randperm(4000).split(100):
        opt.zero_grad()
        loss = model.nll(x_train[rows], t_train[rows], d_train[rows])
        loss.backward()
        opt.step()
        sched.step()
        tot += loss.item() / 40
    with torch.no_grad():
        val = model.nll(x_val, t_val, d_val).item()
        c = concordance(-model.log_scale(x_val).squeeze(1), t_val, d_val)
    print(f"{epoch:2d} train nll {tot:.4f} val nll {val:.4f} c-index {c:.4f}")
print(f"c-index {c:.4f}")
