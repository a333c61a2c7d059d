import torch
from torch import nn
from sklearn.datasets import load_wine
torch.manual_seed(0)
X, y = load_wine(return_X_y=True)
X, y = torch.tensor((X - X.mean(0)) / X.std(0), dtype=torch.float32), torch.tensor(y)
p = torch.randperm(len(X)); X, y = X[p], y[p]
m = nn.Sequential(nn.Linear(13, 24), nn.ReLU(), nn.Dropout(0.1), nn.Linear(24, 3))
o = torch.optim.SGD(m.parameters(), lr=0.05, momentum=0.9, weight_decay=1e-3)
for e in range(60):
    m.train()
    for i in torch.randperm(120).split(20):
        l = nn.functional.cross_entropy(m(X[i]), y[i]); o.zero_grad(); l.backward(); o.step()
    m.eval()
    with torch.no_grad(): z = m(X[120:])
    print(e, l.item(), nn.functional.cross_entropy(z, y[120:]).item(), (z.argmax(1) == y[120:]).float().mean().item())
