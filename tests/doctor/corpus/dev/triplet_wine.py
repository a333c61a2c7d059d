import torch
from torch import nn
from sklearn.datasets import load_wine
torch.manual_seed(0)
X, y = load_wine(return_X_y=True)
X, y = torch.tensor((X - X.mean(0)) / X.std(0), dtype=torch.float32), torch.tensor(y)
p = torch.randperm(len(X)); X, y = X[p], y[p]
xt, yt, xv, yv = X[:120], y[:120], X[120:], y[120:]
net = nn.Sequential(nn.Linear(13, 32), nn.ReLU(), nn.Linear(32, 8))
opt = torch.optim.Adam(net.parameters(), 1e-3)
crit = nn.TripletMarginLoss(margin=1.0)
for step in range(300):
    a = torch.randint(0, 120, (32,))
    pos = torch.stack([torch.nonzero(yt == yt[i]).flatten()[torch.randint(0, int((yt == yt[i]).sum()), (1,))][0] for i in a])
    neg = torch.stack([torch.nonzero(yt != yt[i]).flatten()[torch.randint(0, int((yt != yt[i]).sum()), (1,))][0] for i in a])
    loss = crit(net(xt[a]), net(xt[pos]), net(xt[neg]))
    opt.zero_grad(); loss.backward(); opt.step()
net.eval()
with torch.no_grad():
    dist = torch.cdist(net(xv), net(xt))
    vote = yt[dist.topk(5, largest=False).indices].mode(1).values
print("5-nn accuracy", (vote == yv).float().mean().item())
