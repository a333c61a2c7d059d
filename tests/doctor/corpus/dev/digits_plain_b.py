import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits

torch.manual_seed(1)

digits = load_digits()
X = torch.tensor(digits.data / 16.0, dtype=torch.float32)
y = torch.tensor(digits.target)
perm = torch.randperm(len(X))
X, y = X[perm], y[perm]
X_train, y_train = X[:1400], y[:1400]
X_test, y_test = X[1400:], y[1400:]

net = nn.Sequential(nn.Linear(64, 48), nn.ReLU(), nn.Linear(48, 10))
opt = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)

for epoch in range(15):
    order = torch.randperm(len(X_train))
    total = 0.0
    for i in range(0, len(order), 50):
        idx = order[i : i + 50]
        loss = F.cross_entropy(net(X_train[idx]), y_train[idx])
        loss.backward()
        opt.step()
        total += loss.item()
    print("epoch", epoch, "loss", total / 28)

with torch.no_grad():
    acc = (net(X_test).argmax(1) == y_test).float().mean().item()
print("test accuracy:", round(acc, 4))
