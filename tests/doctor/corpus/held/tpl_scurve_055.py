"""Train a small network on scurve."""
import torch
from torch import nn
from sklearn.datasets import make_s_curve

torch.manual_seed(72)
X, y = make_s_curve(1000, noise=0.1, random_state=72)
X, y = X.astype('float32'), y.astype('float32')
order = torch.randperm(len(X)).numpy()
X, y = X[order], y[order]
X_train, X_val = X[:750], X[750:]
y_train, y_val = y[:750], y[750:]
mean, std = X_train.mean(0), X_train.std(0) + 1e-6
X_train, X_val = (X_train - mean) / std, (X_val - mean) / std
centre, unit = y_train.mean(), y_train.std()
y_train, y_val = (y_train - centre) / unit, (y_val - centre) / unit
X_train, X_val = torch.tensor(X_train), torch.tensor(X_val)
y_train, y_val = torch.tensor(y_train), torch.tensor(y_val)
y_train, y_val = y_train[:, None], y_val[:, None]

model = nn.Sequential(
    nn.Linear(3, 64),
    nn.SiLU(),
    nn.Dropout(0.1),
    nn.Linear(64, 64),
    nn.SiLU(),
    nn.Dropout(0.1),
    nn.Linear(64, 1),
)

criterion = nn.MSELoss()
optimizer = torch.optim.NAdam(model.parameters(), lr=0.004)
scheduler = torch.optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.927)


def train_one_epoch():
    model.train()
    for _ in range(15):
        idx = torch.randint(0, len(X_train), (50,))
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
    print("%d: loss=%.4f mse=%.4f" % (epoch, loss.item(), val_score))
