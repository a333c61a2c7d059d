import math
import torch
from torch import nn

torch.manual_seed(0)
K = 4
ys = torch.rand(1200, 1) * 2 - 1
xs = ys + 0.3 * torch.sin(2 * math.pi * ys) + 0.05 * torch.randn_like(ys)
xs, ys = xs * 1.6, ys * 1.7
train_x, train_y, test_x, test_y = xs[:1000], ys[:1000], xs[1000:], ys[1000:]


class MDN(nn.Module):
    def __init__(self, hidden=32):
        super().__init__()
        self.trunk = nn.Sequential(nn.Linear(1, hidden), nn.Tanh(), nn.Linear(hidden, hidden), nn.Tanh())
        self.pi = nn.Linear(hidden, K)
        self.mu = nn.Linear(hidden, K)
        self.log_sigma = nn.Linear(hidden, K)

    def forward(self, x):
        h = self.trunk(x)
        return self.pi(h).log_softmax(-1), self.mu(h), self.log_sigma(h)


def nll(params, y):
    log_pi, mu, log_sigma = params
    comp = torch.distributions.Normal(mu, log_sigma.clamp(-5, 3).exp()).log_prob(y)
    return -torch.logsumexp(log_pi + comp, dim=-1).mean()


model = MDN()
opt = torch.optim.Adam(model.parameters(), lr=5e-3)
for step in range(300):
    idx = torch.randint(0, 1000, (100,))
    loss = nll(model(train_x[idx]), train_y[idx])
    opt.zero_grad()
    loss.backward()
    opt.step()
    if step % 60 == 0:
        print(step, loss.item())
with torch.no_grad():
    print("test nll", nll(model(test_x), test_y).item())
