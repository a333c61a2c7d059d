import torch
from torch import nn
from sklearn.datasets import make_classification
X, y = make_classification(4000, 15, n_informative=8, weights=[0.95], class_sep=1.2, flip_y=0.005, random_state=3)
torch.manual_seed(3)
X, y = torch.tensor(X, dtype=torch.float32), torch.tensor(y, dtype=torch.float32)
X = (X - X[:3000].mean(0)) / X[:3000].std(0)
net = nn.Sequential(nn.Linear(15, 40), nn.ReLU(), nn.Linear(40, 1))
nn.init.constant_(net[2].bias, -2.9)
opt = torch.optim.Adam(net.parameters(), lr=3e-3)
def focal(z, t, gamma=2.0, alpha=0.75):
    ce = nn.functional.binary_cross_entropy_with_logits(z, t, reduction="none")
    pt = torch.exp(-ce)
    return ((alpha * t + (1 - alpha) * (1 - t)) * (1 - pt) ** gamma * ce).mean()
for epoch in range(10):
    for i in torch.randperm(3000).split(100):
        loss = focal(net(X[i]).squeeze(1), y[i])
        opt.zero_grad(); loss.backward(); opt.step()
with torch.no_grad():
    pr = net(X[3000:]).squeeze(1) > 0
tp = (pr & (y[3000:] == 1)).sum().item()
print("f1", 2 * tp / (pr.sum().item() + y[3000:].sum().item()))
