import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import nn

torch.manual_seed(8)
bunch = load_digits()
x = torch.tensor(bunch.data / 16.0, dtype=torch.float32)
y = torch.tensor(bunch.target)
embed = nn.Sequential(nn.Linear(64, 48), nn.ReLU(), nn.Linear(48, 8))
opt = torch.optim.Adam(embed.parameters(), lr=2e-3)


def contrast(e, labels, margin=2.0):
    squares = (e[:, None] - e[None]).pow(2).sum(-1)
    distance = squares.sqrt()
    same = (labels[:, None] == labels[None]).float()
    return (same * distance + (1 - same) * F.relu(margin - distance)).mean()


for epoch in range(12):
    for rows in torch.randperm(1400).split(50):
        loss = contrast(embed(x[rows]), y[rows])
        opt.zero_grad()
        loss.backward()
        opt.step()
with torch.no_grad():
    nearest = torch.cdist(embed(x[1400:]), embed(x[:1400])).argmin(1)
    print("nearest neighbour", (y[nearest] == y[1400:]).float().mean().item())
