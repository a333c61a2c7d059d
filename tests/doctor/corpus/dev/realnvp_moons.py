import math, torch
from torch import nn
from sklearn.datasets import make_moons
torch.manual_seed(0)
class Coupling(nn.Module):
    def __init__(self, flip):
        super().__init__()
        self.flip = flip
        self.net = nn.Sequential(nn.Linear(1, 48), nn.ReLU(), nn.Linear(48, 48), nn.ReLU(), nn.Linear(48, 2))
    def forward(self, x):
        a, b = x.chunk(2, 1)
        if self.flip: a, b = b, a
        s, t = self.net(a).chunk(2, 1)
        s = torch.tanh(s)
        b = b * s.exp() + t
        return torch.cat([b, a] if self.flip else [a, b], 1), s.squeeze(1)
flow = nn.ModuleList([Coupling(i % 2 == 1) for i in range(6)])
def nll(x):
    total = 0
    for f in flow:
        x, s = f(x)
        total = total + s
    return (0.5 * x.pow(2).sum(1) + math.log(2 * math.pi) - total).mean()
opt = torch.optim.Adam(flow.parameters(), lr=1e-3)
def batch(n):
    d, _ = make_moons(n, noise=0.06)
    d = torch.tensor(d, dtype=torch.float32)
    return (d - torch.tensor([0.5, 0.25])) / torch.tensor([0.87, 0.5])
import numpy; numpy.random.seed(0)
for it in range(350):
    loss = nll(batch(128))
    opt.zero_grad(); loss.backward()
    nn.utils.clip_grad_norm_(flow.parameters(), 5.0)
    opt.step()
    if it % 70 == 0: print(it, loss.item())
with torch.no_grad(): print("nats on new samples", nll(batch(1000)).item())
