"""Train a small network on digits."""
import numpy as np
import torch
from torch import nn
from sklearn.datasets import load_digits

torch.manual_seed(47)
X, y = load_digits(return_X_y=True)
X, y = X.astype('float32'), y.astype('int64')
order = torch.randperm(len(X)).numpy()
X, y = X[order], y[order]
X_train, X_val = X[:1300], X[1300:]
y_train, y_val = y[:1300], y[1300:]


X_train, X_val = torch.tensor(X_train), torch.tensor(X_val)
y_train, y_val = torch.tensor(y_train), torch.tensor(y_val)


class Classifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(64, 32)
        self.fc2 = nn.Linear(32, 32)
        self.act = nn.ELU()
        self.out = nn.Linear(32, 10)

    def forward(self, x):
        x = self.act(self.fc1(x))
        x = self.act(self.fc2(x))
        return self.out(x)


model = Classifier()

criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.2)
scheduler = torch.optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.873)


def fit_epoch():
    for idx in torch.randperm(len(X_train)).split(32):
        xb, yb = X_train[idx], y_train[idx]
        optimizer.zero_grad()
        out = model(xb)
        loss = criterion(out, yb)
        loss.backward()
        optimizer.step()
    scheduler.step()
    return loss


def score():
    with torch.no_grad():
        val_out = model(X_val)
        val_score = (val_out.argmax(1) == y_val).float().mean().item()
    return val_score


for epoch in range(14):
    loss = fit_epoch()
    val_score = score()
    print(epoch, loss.item(), "accuracy", val_score)
