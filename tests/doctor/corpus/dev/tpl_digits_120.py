import numpy as np
import torch
from torch import nn
from sklearn.datasets import load_digits

torch.manual_seed(56)
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
    for size in [48, 48]:
        layers += [nn.Linear(width, size), nn.LeakyReLU()]
        width = size
    layers.append(nn.Linear(width, 10))
    return nn.Sequential(*layers)


model = make_net()

criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.AdamW(model.parameters(), lr=0.005, weight_decay=0.01)
scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.5, patience=4)

for epoch in range(10):
    for idx in torch.randperm(len(X_train)).split(50):
        xb, yb = X_train[idx], y_train[idx]
        optimizer.zero_grad()
        out = model(xb)
        loss = criterion(out, yb)
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        val_out = model(X_val)
        val_score = (val_out.argmax(1) == y_val).float().mean().item()
    scheduler.step(criterion(val_out, y_val).item())
    print(f"{epoch} loss {loss.item():.4f} val accuracy {val_score:.4f}")
