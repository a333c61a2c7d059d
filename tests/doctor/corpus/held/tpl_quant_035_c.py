# quant: classification baseline
import numpy as np
import torch
from torch import nn
from sklearn.datasets import make_gaussian_quantiles

torch.manual_seed(56)
X, y = make_gaussian_quantiles(n_samples=1200, n_features=4, n_classes=3, random_state=56)
X, y = X.astype('float32'), y.astype('int64')
order = torch.randperm(len(X)).numpy()
X, y = X[order], y[order]
X_train, X_val = X[:900], X[900:]
y_train, y_val = y[:900], y[900:]
mean, std = X_train.mean(0), X_train.std(0) + 1e-6
X_train, X_val = (X_train - mean) / std, (X_val - mean) / std
X_train, X_val = torch.tensor(X_train), torch.tensor(X_val)
y_train, y_val = torch.tensor(y_train), torch.tensor(y_val)


class MLP(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(4, 24)
        self.fc2 = nn.Linear(24, 24)
        self.act = nn.ReLU()
        self.out = nn.Linear(24, 3)

    def forward(self, x):
        x = (self.fc1(x))
        x = (self.fc2(x))
        return self.out(x)


model = MLP()

criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.NAdam(model.parameters(), lr=0.004)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 22)


def train_one_epoch():
    model.train()
    for start in range(0, len(X_train), 50):
        xb = X_train[start : start + 50]
        yb = y_train[start : start + 50]
        out = model(xb)
        loss = criterion(out, yb)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    scheduler.step()
    return loss


def evaluate():
    model.eval()
    with torch.no_grad():
        val_out = model(X_val)
        val_score = (val_out.argmax(1) == y_val).float().mean().item()
    return val_score


for epoch in range(22):
    loss = train_one_epoch()
    val_score = evaluate()
    print(f"{epoch} loss {loss.item():.4f} val accuracy {val_score:.4f}")
