"""Train a small network on moons."""
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import make_moons

torch.manual_seed(87)
X, y = make_moons(1000, noise=0.15, random_state=87)
X, y = X.astype('float32'), y.astype('int64')
order = torch.randperm(len(X)).numpy()
X, y = X[order], y[order]
X_train, X_val = X[:750], X[750:]
y_train, y_val = y[:750], y[750:]
mean, std = X_train.mean(0), X_train.std(0) + 1e-6
X_train, X_val = (X_train - mean) / std, (X_val - mean) / std
X_train, X_val = torch.tensor(X_train), torch.tensor(X_val)
y_train, y_val = torch.tensor(y_train), torch.tensor(y_val)

model = nn.Sequential(
    nn.Linear(2, 1),
    nn.GELU(),
    nn.Linear(1, 2),
)

optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=0.1, total_steps=375)


def fit_epoch():
    for idx in torch.randperm(len(X_train)).split(50):
        xb, yb = X_train[idx], y_train[idx]
        out = model(xb)
        loss = F.cross_entropy(out, yb)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        scheduler.step()
    return loss


def score():
    with torch.no_grad():
        val_out = model(X_val)
        val_score = (val_out.argmax(1) == y_val).float().mean().item()
    return val_score


for epoch in range(25):
    loss = fit_epoch()
    val_score = score()
    print(f"{epoch} loss {loss.item():.4f} val accuracy {val_score:.4f}")
