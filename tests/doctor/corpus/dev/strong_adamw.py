import torch
from torch import nn
from sklearn.datasets import load_digits
torch.manual_seed(0)
d = load_digits()
X, y = torch.tensor(d.data, dtype=torch.float32) / 16, torch.tensor(d.target)
p = torch.randperm(len(X)); X, y = X[p], y[p]
net = nn.Sequential(nn.Linear(64, 256), nn.GELU(), nn.Dropout(0.7), nn.Linear(256, 256), nn.GELU(), nn.Dropout(0.7), nn.Linear(256, 10))
opt = torch.optim.AdamW(net.parameters(), lr=2e-3, weight_decay=0.1)
for epoch in range(15):
    net.train()
    for i in torch.randperm(500).split(50):
        loss = nn.functional.cross_entropy(net(X[i]), y[i])
        opt.zero_grad(); loss.backward(); opt.step()
    net.eval()
    with torch.no_grad():
        print(epoch, loss.item(), (net(X[500:]).argmax(1) == y[500:]).float().mean().item())
