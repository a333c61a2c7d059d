"""Train a small network on digits."""
import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import load_digits

torch.manual_seed(61)
X, y = load_digits(return_X_y=True)
X, y = X.astype('float32'), y.astype('int64')
order = torch.randperm(len(X)).numpy()
X, y = X[order], y[order]
X_train, X_val = X[:1300], X[1300:]
y_train, y_val = y[:1300], y[1300:]
mean, std = X_train.mean(0), X_train.std(0) + 1e-6
X_train, X_val = (X_train - mean) / std, (X_val - mean) / std
X_train, y_train, X_val, y_val = map(torch.from_numpy, (X_train, y_train, X_val, y_val))


def make_net():
    layers, width = [], 64
    for size in [64]:
        layers += [nn.Linear(width, size), nn.Tanh()]
        width = size
    layers.append(nn.Linear(width, 10))
    return nn.Sequential(*layers)


model = make_net()

criterion = nn.CrossEntropyLoss()
for layer in model.modules():
    if isinstance(layer, nn.Linear) and layer.out_features == 64:
        nn.init.normal_(layer.weight, std=12.0)
optimizer = torch.optim.NAdam(model.parameters(), lr=0.004)
scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: min(1.0, (step + 1) / 30))

for epoch in range(10):
    for start in range(0, len(X_train), 50):
        xb = X_train[start : start + 50]
        yb = y_train[start : start + 50]
        out = model(xb)
        loss = criterion(out, yb)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        scheduler.step()
    with torch.no_grad():
        val_out = model(X_val)
        val_score = (val_out.argmax(1) == y_val).float().mean().item()
    print(epoch, loss.item(), "accuracy", val_score)
