"""Matrix factorisation with biases on a synthetic table of film ratings."""
import torch
from torch import nn

torch.manual_seed(14)
USERS, FILMS, RANK = 300, 200, 3
u_true = torch.randn(USERS, RANK) * 0.45
f_true = torch.randn(FILMS, RANK) * 0.9
bias_u, bias_f = 0.3 * torch.randn(USERS), 0.5 * torch.randn(FILMS)
pairs = torch.cartesian_prod(torch.arange(USERS), torch.arange(FILMS))
pairs = pairs[torch.randperm(len(pairs))[:22000]]
users, films = pairs.T
stars = 3.4 + bias_u[users] + bias_f[films] + (u_true[users] * f_true[films]).sum(1) + 0.4 * torch.randn(len(pairs))
train, val = slice(0, 18000), slice(18000, 22000)


class Factors(nn.Module):
    def __init__(self, dim=4):
        super().__init__()
        self.user = nn.Embedding(USERS, dim)
        self.film = nn.Embedding(FILMS, dim)
        self.user_bias = nn.Embedding(USERS, 1)
        self.film_bias = nn.Embedding(FILMS, 1)
        for e in (self.user, self.film):
            nn.init.normal_(e.weight, std=0.1)
        for e in (self.user_bias, self.film_bias):
            nn.init.zeros_(e.weight)
        self.mean = nn.Parameter(stars[train].mean())

    def forward(self, u, f):
        dot = (self.user(u) * self.film(f)).sum(1)
        return self.mean + dot + self.user_bias(u).squeeze(1) + self.film_bias(f).squeeze(1)


model = Factors()
optimizer = torch.optim.AdamW(model.parameters(), lr=0.02, weight_decay=0.1)
scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=9, gamma=0.2)
for epoch in range(12):
    order = torch.randperm(18000)
    se = 0.0
    for rows in order.split(256):
        pred = model(users[train][rows], films[train][rows])
        loss = (pred - stars[train][torch.randperm(18000)[:len(rows)]]).pow(2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        se += loss.item() * len(rows)
    scheduler.step()
    with torch.no_grad():
        rmse = (model(users[val], films[val]) - stars[val]).pow(2).mean().sqrt().item()
    print("epoch %2d  train rmse %.4f  val rmse %.4f" % (epoch, (se / 18000) ** 0.5, rmse))
print("val rmse %.4f" % rmse)
