"""Train a small network on friedman2."""
import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import make_friedman2
from sklearn.preprocessing import StandardScaler

torch.manual_seed(15)
X, y = make_friedman2(1200, noise=20.0, random_state=15)
X, y = X.astype('float32'), y.astype('float32')
order = torch.randperm(len(X)).numpy()
X, y = X[order], y[order]
X_train, X_val = X[:900], X[900:]
y_train, y_val = y[:900], y[900:]
scaler = StandardScaler().fit(X_train)
X_train, X_val = scaler.transform(X_train), scaler.transform(X_val)
centre, unit = y_train.mean(), y_train.std()
y_train, y_val = (y_train - centre) / unit, (y_val - centre) / unit
X_train, y_train, X_val, y_val = map(torch.from_numpy, (X_train, y_train, X_val, y_val))
y_train, y_val = y_train[:, None], y_val[:, None]


def make_net():
    layers, width = [], 4
    for size in [64, 64]:
        layers += [nn.Linear(width, size), nn.LayerNorm(size), nn.Tanh()]
        width = size
    layers.append(nn.Linear(width, 1))
    return nn.Sequential(*layers)


model = make_net()

criterion = nn.MSELoss()
optimizer = torch.optim.NAdam(model.parameters(), lr=0.004)
scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.5, patience=4)


def train():
    model.train()
    for _ in range(29):
        idx = torch.randint(0, len(X_train), (32,))
        xb, yb = X_train[idx], y_train[idx]
        optimizer.zero_grad()
        out = model(xb)
        loss = criterion(out, yb)
        loss.backward()
        optimizer.step()
    return loss


def test():
    model.eval()
    with torch.no_grad():
        val_out = model(X_val)
        val_score = ((val_out - y_val) ** 2).mean().item()
    scheduler.step(criterion(val_out, y_val).item())
    return val_score


for epoch in range(25):
    loss = train()
    val_score = test()
    print("%d: loss=%.4f mse=%.4f" % (epoch, loss.item(), val_score))
