import torch
from torch import nn
from sklearn.datasets import load_digits
torch.manual_seed(0)
d = load_digits(); X = torch.tensor(d.data, dtype=torch.float32) / 16; y = torch.tensor(d.target)
p = torch.randperm(len(X)); X, y = X[p], y[p]
m = nn.Sequential(nn.Linear(64, 100), nn.ReLU(), nn.Linear(100, 10)); o = torch.optim.Adam(m.parameters(), 1e-3)
ce = nn.CrossEntropyLoss()
def attack(x, t, eps=0.1):
    x = x.clone().requires_grad_()
    g, = torch.autograd.grad(ce(m(x), t), x)
    return (x + eps * g.sign()).clamp(0, 1).detach()
for e in range(8):
    for i in torch.randperm(1400).split(70):
        adv = attack(X[i], y[i])
        loss = 0.5 * ce(m(X[i]), y[i]) + 0.5 * ce(m(adv), y[i])
        o.zero_grad(); loss.backward(); o.step()
bad = attack(X[1400:], y[1400:])
print("clean", (m(X[1400:]).argmax(1) == y[1400:]).float().mean().item(), "attacked", (m(bad).argmax(1) == y[1400:]).float().mean().item())
