import torch
from torch import nn
from sklearn.datasets import make_moons

torch.manual_seed(4)
X, y = make_moons(1000, noise=0.15, random_state=4)
X, y = X.astype('float32'), y.astype('int64')
order = torch.randperm(len(X)).numpy()
X, y = X[order], y[order]
X_train, X_val = X[:750], X[750:]
y_train, y_val = y[:750], y[750:]
mean, std = X_train.mean(0), X_train.std(0) + 1e-6
X_train, X_val = (X_train - mean) / std, (X_val - mean) / std
X_train, X_val = torch.tensor(X_train), torch.tensor(X_val)
y_train, y_val = torch.tensor(y_train), torch.tensor(y_val)


def make_net():
    layers, width = [], 2
    for size in [64]:
        layers += [nn.Linear(width, size), nn.BatchNorm1d(size), nn.ReLU()]
        width = size
    layers += [nn.Linear(width, 2), nn.LogSoftmax(dim=0)]
    return nn.Sequential(*layers)


model = make_net()

criterion = nn.NLLLoss()
optimizer = torch.optim.RAdam(model.parameters(), lr=0.01)
scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=16, gamma=0.3)


class Trainer:
    """Holds what a training needs."""

    def __init__(self, epochs):
        self.epochs = epochs
        self.history = []

    def run(self):
        for epoch in range(self.epochs):
            model.train()
            for _ in range(24):
                idx = torch.randint(0, len(X_train), (32,))
                xb, yb = X_train[idx], y_train[idx]
                out = model(xb)
                loss = criterion(out, yb)
                loss.backward()
                optimizer.step()
                optimizer.zero_grad()
            scheduler.step()
            model.eval()
            with torch.no_grad():
                val_out = model(X_val)
                val_score = (val_out.argmax(1) == y_val).float().mean().item()
            self.history.append(val_score)
            print(f"{epoch} loss {loss.item():.4f} val accuracy {val_score:.4f}")
        return self.history


Trainer(25).run()
