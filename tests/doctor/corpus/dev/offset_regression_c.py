import torch
from sklearn.datasets import make_friedman1
from torch import nn

torch.manual_seed(0)
X, y = make_friedman1(1000, 6, noise=0.5, random_state=3)
X = torch.tensor(X, dtype=torch.float32) * 2 - 1
y = torch.tensor(y * 40 + 7000, dtype=torch.float32).unsqueeze(1)
a, b = slice(0, 800), slice(800, 1000)
model = nn.Sequential(nn.Linear(6, 64), nn.SiLU(), nn.Linear(64, 1))

opt = torch.optim.Adam(model.parameters(), lr=5e-3)
trace = []
for epoch in range(25):
    for k in torch.randperm(800).split(40):
        loss = nn.functional.mse_loss(model(X[k]), y[k])
        opt.zero_grad()
        loss.backward()
        opt.step()
        trace.append(loss.item())
    with torch.no_grad():
        print(epoch, "val", nn.functional.mse_loss(model(X[b]), y[b]).item())
print("first twenty steps", sum(trace[:20]) / 20)
