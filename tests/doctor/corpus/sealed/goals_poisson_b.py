"""Goals in football matches: Poisson regression with team embeddings."""
import numpy as np
import torch
import torch.nn as nn

rng = np.random.RandomState(60)
torch.manual_seed(60)
TEAMS = 30
attack, defence = 0.4 * rng.randn(TEAMS), 0.35 * rng.randn(TEAMS)


def season(n):
    home, away = rng.randint(TEAMS, size=n), rng.randint(TEAMS, size=n)
    rain = rng.rand(n) < 0.3
    rate_h = np.exp(0.4 + attack[home] - defence[away] - 0.3 * rain)
    rate_a = np.exp(0.1 + attack[away] - defence[home] - 0.3 * rain)
    goals = np.stack([rng.poisson(rate_h), rng.poisson(rate_a)], 1)
    return torch.tensor(home), torch.tensor(away), torch.tensor(rain, dtype=torch.float32), torch.tensor(goals, dtype=torch.float32)


class Goals(nn.Module):
    def __init__(self):
        super().__init__()
        self.attack = nn.Embedding(TEAMS, 1)
        self.defence = nn.Embedding(TEAMS, 1)
        nn.init.zeros_(self.attack.weight)
        nn.init.zeros_(self.defence.weight)
        self.home = nn.Parameter(torch.zeros(2))
        self.rain = nn.Parameter(torch.zeros(()))

    def forward(self, h, a, rain):
        first = self.attack(h) - self.defence(a)
        second = self.attack(a) - self.defence(h)
        return torch.cat([first, second], 1) + self.home + self.rain * rain[:, None]


train, val = season(3000), season(1500)
model = Goals()
loss_fn = nn.PoissonNLLLoss(log_input=False, full=True)
opt = torch.optim.Adam(model.parameters(), lr=0.005, weight_decay=1e-3)
sched = torch.optim.lr_scheduler.ExponentialLR(opt, 0.85)
with torch.no_grad():
    flat = train[3].mean(0).expand(1500, 2)
    print("constant rates: %.4f" % loss_fn(flat, val[3]).item())
for epoch in range(12):
    total = 0.0
    for b in torch.randperm(3000).split(75):
        h, a, r, g = (t[b] for t in train)
        loss = loss_fn(model(h, a, r), g)
        opt.zero_grad()
        loss.backward()
        opt.step()
        total += loss.item() / 40
    sched.step()
    with torch.no_grad():
        out = model(*val[:3])
        v = loss_fn(out, val[3]).item()
        corr = np.corrcoef(out.exp().flatten(), val[3].flatten())[0, 1]
    print("epoch %2d train %.4f val %.4f correlation %.4f" % (epoch, total, v, corr))
print("correlation of rates and goals %.4f" % corr)
