# friedman1: regression baseline
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import make_friedman1
from sklearn.preprocessing import StandardScaler
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(26)
X, y = make_friedman1(1200, 8, noise=0.5, random_state=26)
X, y = X.astype('float32'), y.astype('float32')
order = torch.randperm(len(X)).numpy()
X = X[order]
X_train, X_val = X[:900], X[900:]
y_train, y_val = y[:900], y[900:]
scaler = StandardScaler().fit(X_train)
X_train, X_val = scaler.transform(X_train), scaler.transform(X_val)
centre, unit = y_train.mean(), y_train.std()
y_train, y_val = (y_train - centre) / unit, (y_val - centre) / unit
X_train, y_train, X_val, y_val = map(torch.from_numpy, (X_train, y_train, X_val, y_val))
y_train, y_val = y_train[:, None], y_val[:, None]
loader = DataLoader(TensorDataset(X_train, y_train), batch_size=25, shuffle=True)


def make_net():
    layers, width = [], 8
    for size in [32, 32]:
        layers += [nn.Linear(width, size), nn.BatchNorm1d(size), nn.SiLU()]
        width = size
    layers.append(nn.Linear(width, 1))
    return nn.Sequential(*layers)


model = make_net()

optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=23, gamma=0.3)


def train_one_epoch():
    model.train()
    for xb, yb in loader:
        out = model(xb)
        loss = F.mse_loss(out, yb)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    scheduler.step()
    return loss


def evaluate():
    model.eval()
    with torch.no_grad():
        val_out = model(X_val)
        val_score = ((val_out - y_val) ** 2).mean().item()
    return val_score


for epoch in range(35):
    loss = train_one_epoch()
    val_score = evaluate()
    print("%d: loss=%.4f mse=%.4f" % (epoch, loss.item(), val_score))
