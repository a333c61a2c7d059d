"""Train a small network on friedman1."""
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import make_friedman1
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(4)
X, y = make_friedman1(1200, 8, noise=0.5, random_state=4)
X, y = X.astype('float32'), y.astype('float32')
order = torch.randperm(len(X)).numpy()
X, y = X[order], y[order]
X_train, X_val = X[:900], X[900:]
y_train, y_val = y[:900], y[900:]
mean, std = X_train.mean(0), X_train.std(0) + 1e-6
X_train, X_val = (X_train - mean) / std, (X_val - mean) / std
centre, unit = y_train.mean(), y_train.std()
y_train, y_val = (y_train - centre) / unit, (y_val - centre) / unit
X_train, y_train, X_val, y_val = map(torch.from_numpy, (X_train, y_train, X_val, y_val))
loader = DataLoader(TensorDataset(X_train, y_train), batch_size=50, shuffle=True)

model = nn.Sequential(
    nn.Linear(8, 32),
    nn.BatchNorm1d(32),
    nn.LeakyReLU(),
    nn.Linear(32, 32),
    nn.BatchNorm1d(32),
    nn.LeakyReLU(),
    nn.Linear(32, 1),
)

optimizer = torch.optim.SGD(model.parameters(), lr=0.05)


def train():
    model.train()
    for xb, yb in loader:
        out = model(xb).squeeze(1)
        loss = F.mse_loss(out, yb)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return loss


def test():
    model.eval()
    with torch.no_grad():
        val_out = model(X_val).squeeze(1)
        val_score = ((val_out - y_val) ** 2).mean().item()
    return val_score


for epoch in range(1):
    loss = train()
    val_score = test()
    print("%d: loss=%.4f mse=%.4f" % (epoch, loss.item(), val_score))
