import torch
from torch import nn
from sklearn.datasets import load_digits
d = load_digits(); X = torch.tensor(d.data, dtype=torch.float32) / 16; y = torch.tensor(d.target)
g = torch.Generator().manual_seed(0); p = torch.randperm(len(X), generator=g); X, y = X[p], y[p]
results = {}
for lr in (1e-4, 1e-3, 1e-2, 1e-1, 1.0):
    torch.manual_seed(0)
    m = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
    o = torch.optim.SGD(m.parameters(), lr=lr, momentum=0.9)
    for e in range(5):
        for i in torch.randperm(1200).split(50):
            l = nn.functional.cross_entropy(m(X[i]), y[i]); o.zero_grad(); l.backward(); o.step()
    with torch.no_grad(): results[lr] = (m(X[1200:1500]).argmax(1) == y[1200:1500]).float().mean().item()
    print(lr, results[lr])
best = max(results, key=results.get)
torch.manual_seed(1)
m = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
o = torch.optim.SGD(m.parameters(), lr=best, momentum=0.9)
for e in range(12):
    for i in torch.randperm(1500).split(50):
        l = nn.functional.cross_entropy(m(X[i]), y[i]); o.zero_grad(); l.backward(); o.step()
with torch.no_grad(): print("best rate", best, "test", (m(X[1500:]).argmax(1) == y[1500:]).float().mean().item())
