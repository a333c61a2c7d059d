# learn to order items: hinge over all pairs of a batch
import torch
from torch import nn

torch.manual_seed(2)
items = torch.randn(1200, 8)
worth = (items[:, :3] ** 2).sum(1) - items[:, 3]
scorer = nn.Sequential(nn.Linear(8, 48), nn.ReLU(), nn.Linear(48, 1))
opt = torch.optim.Adam(scorer.parameters(), lr=5e-3)
for step in range(220):
    rows = torch.randint(0, 1000, (40,))
    score, goal = scorer(items[rows]).squeeze(1), worth[rows]
    above = (goal[:, None] > goal[None, :]).float()
    margin = score[:, None] - score
    loss = (above * (1 - margin).clamp_min(0)).sum() / above.sum()
    opt.zero_grad()
    loss.backward()
    opt.step()
with torch.no_grad():
    score = scorer(items[1000:]).squeeze(1)
    truth = worth[1000:, None] > worth[None, 1000:]
    agree = ((score[:, None] > score[None, :]) == truth).float().mean()
print("pairs in order", agree.item())
