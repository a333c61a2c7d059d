"""Train a small network on scurve."""
import torch
from torch import nn
import torch.nn.functional as F
from sklearn.datasets import make_s_curve

torch.manual_seed(62)
X, y = make_s_curve(1000, noise=0.1, random_state=62)
X, y = X.astype('float32'), y.astype('float32')
order = torch.randperm(len(X)).numpy()
X, y = X[order], y[order]
X_train, X_val = X[:750], X[750:]
y_train, y_val = y[:750], y[750:]
mean, std = X_train.mean(0), X_train.std(0) + 1e-6
X_train, X_val = (X_train - mean) / std, (X_val - mean) / std
centre, unit = y_train.mean(), y_train.std()
y_train, y_val = y_train * 100 + 20000, y_val * 100 + 20000
X_train, X_val = torch.tensor(X_train), torch.tensor(X_val)
y_train, y_val = torch.tensor(y_train), torch.tensor(y_val)

model = nn.Sequential(
    nn.Linear(3, 48),
    nn.LayerNorm(48),
    nn.LeakyReLU(),
    nn.Linear(48, 48),
    nn.LayerNorm(48),
    nn.LeakyReLU(),
    nn.Linear(48, 1),
)

optimizer = torch.optim.Adam(model.parameters(), lr=0.005)
scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: min(1.0, (step + 1) / 30))


class Trainer:
    """Holds what a training needs."""

    def __init__(self, epochs):
        self.epochs = epochs
        self.history = []

    def run(self):
        for epoch in range(self.epochs):
            model.train()
            for start in range(0, len(X_train), 40):
                xb = X_train[start : start + 40]
                yb = y_train[start : start + 40]
                out = model(xb).view(-1)
                loss = F.mse_loss(out, yb)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                scheduler.step()
            model.eval()
            with torch.no_grad():
                val_out = model(X_val).squeeze(1)
                val_score = ((val_out - y_val) ** 2).mean().item() / y_val.var().item()
            self.history.append(val_score)
            print(epoch, loss.item(), "mse", val_score)
        return self.history


Trainer(25).run()
