"""Train a small network on friedman1."""
import torch
from torch import nn
from sklearn.datasets import make_friedman1
from sklearn.preprocessing import StandardScaler

torch.manual_seed(5)
X, y = make_friedman1(1200, 8, noise=0.5, random_state=5)
X, y = X.astype('float32'), y.astype('float32')
order = torch.randperm(len(X)).numpy()
X, y = X[order], y[order]
X_train, X_val = X[:900], X[900:]
y_train, y_val = y[:900], y[900:]
scaler = StandardScaler().fit(X_train)
X_train, X_val = scaler.transform(X_train), scaler.transform(X_val)
centre, unit = y_train.mean(), y_train.std()
y_train, y_val = (y_train - centre) / unit, (y_val - centre) / unit
X_train, X_val = torch.tensor(X_train), torch.tensor(X_val)
y_train, y_val = torch.tensor(y_train), torch.tensor(y_val)
y_train, y_val = y_train[:, None], y_val[:, None]

model = nn.Sequential(
    nn.Linear(8, 48),
    nn.SiLU(),
    nn.Linear(48, 48),
    nn.SiLU(),
    nn.Linear(48, 1),
)

criterion = nn.MSELoss()
optimizer = torch.optim.RMSprop(model.parameters(), lr=0.002)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 25)


def train_one_epoch():
    model.train()
    for _ in range(36):
        idx = torch.randint(0, len(X_train), (25,))
        xb, yb = X_train[idx], y_train[idx]
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
        val_score = ((val_out - y_val) ** 2).mean().item()
    return val_score


for epoch in range(25):
    loss = train_one_epoch()
    val_score = evaluate()
    print(f"{epoch} loss {loss.item():.4f} val mse {val_score:.4f}")
