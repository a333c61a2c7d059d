# quant: classification baseline
import numpy as np
import torch
from torch import nn
from sklearn.datasets import make_gaussian_quantiles

torch.manual_seed(71)
X, y = make_gaussian_quantiles(n_samples=1200, n_features=4, n_classes=3, random_state=71)
X, y = X.astype('float32'), y.astype('int64')
order = torch.randperm(len(X)).numpy()
X, y = X[order], y[order]
X_train, X_val = X[:900], X[900:]
y_train, y_val = y[:900], y[900:]
mean, std = X_train.mean(0), X_train.std(0) + 1e-6
X_train, X_val = (X_train - mean) / std, (X_val - mean) / std
X_train, X_val = torch.tensor(X_train), torch.tensor(X_val)
y_train, y_val = torch.tensor(y_train), torch.tensor(y_val)


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden = nn.ModuleList(nn.Linear(a, b) for a, b in [(4, 32), (32, 32)])
        self.norms = nn.ModuleList(nn.BatchNorm1d(w) for w in [32, 32])
        self.act = nn.ELU()
        self.head = nn.Linear(32, 3)

    def forward(self, x):
        for layer, norm in zip(self.hidden, self.norms):
            x = self.act(norm(layer(x)))
        return self.head(x)


model = Model()

criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.2)


def train_one_epoch():
    model.train()
    for idx in torch.randperm(len(X_train)).split(40):
        xb, yb = X_train[idx], y_train[idx]
        out = model(xb)
        loss = criterion(out, yb)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    return loss


def evaluate():
    model.eval()
    with torch.no_grad():
        val_out = model(X_val)
        val_score = (val_out.argmax(1) == y_val).float().mean().item()
    return val_score


for epoch in range(30):
    loss = train_one_epoch()
    val_score = evaluate()
    print(f"{epoch} loss {loss.item():.4f} val accuracy {val_score:.4f}")
