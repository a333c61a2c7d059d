import torch
from torch import nn
from sklearn.datasets import load_digits
torch.manual_seed(1)
d = load_digits()
X, y = torch.tensor(d.data, dtype=torch.float32) / 16, torch.tensor(d.target)
p = torch.randperm(len(X)); X, y = X[p], y[p]
body = nn.Sequential(nn.Linear(64, 96), nn.BatchNorm1d(96), nn.ReLU(), nn.Linear(96, 48), nn.ReLU())
first = nn.Sequential(body, nn.Linear(48, 5))
mask = y < 5
Xa, ya = X[mask], y[mask]
opt = torch.optim.Adam(first.parameters(), 2e-3)
for _ in range(6):
    for i in torch.randperm(len(Xa)).split(64):
        loss = nn.functional.cross_entropy(first(Xa[i]), ya[i])
        opt.zero_grad(); loss.backward(); opt.step()
# the other five digits, a new head on the frozen body
for q in body.parameters(): q.requires_grad = False
body.eval()
Xb, yb = X[~mask], y[~mask] - 5
n = int(0.7 * len(Xb))
head = nn.Linear(48, 5)
opt = torch.optim.Adam(head.parameters(), 1e-2)
for epoch in range(15):
    for i in torch.randperm(n).split(64):
        with torch.no_grad(): f = body(Xb[i])
        loss = nn.functional.cross_entropy(head(f), yb[i])
        opt.zero_grad(); loss.backward(); opt.step()
with torch.no_grad(): print("accuracy", (head(body(Xb[n:])).argmax(1) == yb[n:]).float().mean().item())
