import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import load_digits

np.random.seed(0)
torch.manual_seed(0)
X, y = load_digits(return_X_y=True)
X = torch.tensor((X - 4.884) / 6.017, dtype=torch.float32)
y = torch.tensor(y)
idx = np.random.permutation(len(X))
tr, te = idx[:1350], idx[1350:]
net = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
opt = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9, weight_decay=1e-4)
criterion = nn.CrossEntropyLoss()
for epoch in range(12):
    np.random.shuffle(tr)
    for b in np.array_split(tr, 27):
        lam = np.random.beta(0.4, 0.4)
        partner = torch.randperm(len(b))
        x, ya = X[b], y[b]
        mixed, yb = lam * x + (1 - lam) * x[partner], ya[torch.randperm(len(b))]
        ya = ya[torch.randperm(len(b))]
        out = net(mixed)
        loss = lam * criterion(out, ya) + (1 - lam) * criterion(out, yb)
        opt.zero_grad()
        loss.backward()
        opt.step()
    with torch.no_grad():
        print(epoch, "test", (net(X[te]).argmax(1) == y[te]).float().mean().item())
