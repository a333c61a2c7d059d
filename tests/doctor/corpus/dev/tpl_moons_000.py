import numpy as np
import torch
from torch import nn
from sklearn.datasets import make_moons

torch.manual_seed(50)
X, y = make_moons(1000, noise=0.15, random_state=50)
X, y = X.astype('float32'), y.astype('int64')
order = torch.randperm(len(X)).numpy()
X, y = X[order], y[order]
X_train, X_val = X[:750], X[750:]
y_train, y_val = y[:750], y[750:]
mean, std = X_train.mean(0), X_train.std(0) + 1e-6
X_train, X_val = (X_train - mean) / std, (X_val - mean) / std
X_train, X_val = torch.tensor(X_train), torch.tensor(X_val)
y_train, y_val = torch.tensor(y_train), torch.tensor(y_val)


class MLP(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(2, 64)
        self.act = nn.Tanh()
        self.out = nn.Linear(64, 2)

    def forward(self, x):
        x = self.act(self.fc1(x))
        return self.out(x)


model = MLP()

criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.2)
scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.5, patience=4)


def train_one_epoch():
    for idx in torch.randperm(len(X_train)).split(32):
        xb, yb = X_train[idx], y_train[idx]
        out = model(xb)
        loss = criterion(out, yb)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return loss


def evaluate():
    with torch.no_grad():
        val_out = model(X_val)
        val_score = (val_out.argmax(1) == y_val).float().mean().item()
    scheduler.step(criterion(val_out, y_val).item())
    return val_score


for epoch in range(35):
    loss = train_one_epoch()
    val_score = evaluate()
    print("%d: loss=%.4f accuracy=%.4f" % (epoch, loss.item(), val_score))
