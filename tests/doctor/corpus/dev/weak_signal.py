"""Daily returns: hardly anything to learn, and that is what the figures say."""
import torch
from torch import nn
torch.manual_seed(0)
X = torch.randn(3000, 20)
y = 0.3 * X[:, 0] - 0.2 * X[:, 1] * X[:, 2] + torch.randn(3000)
net = nn.Sequential(nn.Linear(20, 16), nn.ReLU(), nn.Dropout(0.2), nn.Linear(16, 1))
opt = torch.optim.AdamW(net.parameters(), lr=1e-3, weight_decay=0.05)
best, wait = 1e9, 0
for epoch in range(40):
    net.train()
    for i in torch.randperm(2400).split(64):
        loss = nn.functional.mse_loss(net(X[i]).squeeze(1), y[i])
        opt.zero_grad(); loss.backward(); opt.step()
    net.eval()
    with torch.no_grad(): v = nn.functional.mse_loss(net(X[2400:]).squeeze(1), y[2400:]).item()
    if v < best - 1e-4: best, wait = v, 0
    else: wait += 1
    if wait > 5: break
print("explained", 1 - best / y[2400:].var().item())
