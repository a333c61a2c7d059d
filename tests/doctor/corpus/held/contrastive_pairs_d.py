import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(0)
mix_a, mix_b = torch.randn(8, 20) / 8**0.5, torch.randn(8, 30) / 8**0.5


def views(n):
    hidden = torch.randn(n, 8)
    return torch.tanh(hidden @ mix_a) + 0.1 * torch.randn(n, 20), torch.tanh(hidden @ mix_b) + 0.1 * torch.randn(n, 30)


class Tower(nn.Module):
    def __init__(self, n_in):
        super().__init__()
        self.mlp = nn.Sequential(nn.Linear(n_in, 64), nn.ReLU(), nn.Linear(64, 16))

    def forward(self, x):
        return F.normalize(self.mlp(x), dim=-1)


left, right = Tower(20), Tower(30)
log_scale = nn.Parameter(torch.tensor(2.0))
optim = torch.optim.Adam([*left.parameters(), *right.parameters(), log_scale], lr=3e-7)
for step in range(250):
    a, b = views(64)
    sim = left(a) @ right(b).T * log_scale.exp()
    target = torch.arange(64)
    loss = (F.cross_entropy(sim, target) + F.cross_entropy(sim.T, target)) / 2
    optim.zero_grad()
    loss.backward()
    optim.step()
    if step % 50 == 0:
        print(step, loss.item())
with torch.no_grad():
    a, b = views(128)
    top1 = ((left(a) @ right(b).T).argmax(1) == torch.arange(128)).float().mean()
print("retrieval accuracy", top1.item())
