import torch
from torch import nn
from sklearn.datasets import make_regression
X, y, w = make_regression(500, 40, n_informative=6, noise=8.0, coef=True, random_state=0)
torch.manual_seed(0)
X = torch.tensor(X, dtype=torch.float32)
y = torch.tensor((y - y[:400].mean()) / y[:400].std(), dtype=torch.float32).unsqueeze(1)
net = nn.Linear(40, 1)
opt = torch.optim.Adam(net.parameters(), lr=1e-2)
for epoch in range(60):
    for i in torch.randperm(400).split(40):
        loss = nn.functional.mse_loss(net(X[i]), y[i]) + 0.01 * net.weight.abs().sum()
        opt.zero_grad()
        loss.backward()
        opt.step()
with torch.no_grad():
    print("weights near zero", (net.weight.abs() < 0.02).sum().item(), "held-out mse", nn.functional.mse_loss(net(X[400:]), y[400:]).item())
