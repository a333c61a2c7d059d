"""Survival: Cox's partial likelihood, for which a batch is one risk set."""
import torch
from torch import nn
torch.manual_seed(0)
X = torch.randn(700, 8)
risk = X[:, 0] * 1.2 - X[:, 1] + 0.8 * (X[:, 2] * X[:, 3])
time = torch.distributions.Exponential(risk.exp()).sample()
censor = torch.distributions.Exponential(torch.full((700,), 0.4)).sample()
event, obs = (time <= censor).float(), torch.minimum(time, censor)
net = nn.Sequential(nn.Linear(8, 32), nn.SELU(), nn.Linear(32, 1, bias=False))
opt = torch.optim.Adam(net.parameters(), lr=4e-3, weight_decay=1e-4)
def cox(h, t, e):
    order = t.argsort(descending=True)
    h, e = h[order], e[order]
    return -((h - torch.logcumsumexp(h, 0)) * e).sum() / e.sum()
def concordance(h, t, e):
    a = (t[:, None] < t[None, :]) & (e[:, None] > 0)
    return ((h[:, None] > h[None, :]) & a).sum() / a.sum()
for epoch in range(25):
    for i in torch.randperm(500).split(100):
        loss = cox(net(X[i]).squeeze(1), obs[i], event[i])
        opt.zero_grad(); loss.backward(); opt.step()
    with torch.no_grad():
        c = concordance(net(X[500:]).squeeze(1), obs[500:], event[500:])
    print(epoch, loss.item(), c.item())
