import torch
from torch import nn
from sklearn.datasets import make_moons
from sklearn.preprocessing import StandardScaler

torch.manual_seed(0)
X, y = make_moons(1000, noise=0.15, random_state=0)
X, y = X.astype('float32'), y.astype('float32')
order = torch.randperm(len(X)).numpy()
X, y = X[order], y[order]
X_train, X_val = X[:750], X[750:]
y_train, y_val = y[:750], y[750:]
scaler = StandardScaler().fit(X_train)
X_train, X_val = scaler.transform(X_train), scaler.transform(X_val)
X_train, X_val = torch.tensor(X_train), torch.tensor(X_val)
y_train, y_val = torch.tensor(y_train), torch.tensor(y_val)
y_train, y_val = y_train[:, None], y_val[:, None]


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden = nn.ModuleList(nn.Linear(a, b) for a, b in [(2, 24), (24, 24)])
        self.act = nn.ELU()
        self.drop = nn.Dropout(0.1)
        self.head = nn.Linear(24, 1)

    def forward(self, x):
        for layer in self.hidden:
            x = self.drop(self.act(layer(x)))
        return self.head(x)


model = Net()

criterion = nn.BCEWithLogitsLoss()
optimizer = torch.optim.Adagrad(model.parameters(), lr=0.05)
scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.5, patience=4)


class Trainer:
    """Holds what a training needs."""

    def __init__(self, epochs):
        self.epochs = epochs
        self.history = []

    def run(self):
        for epoch in range(self.epochs):
            model.train()
            for start in range(0, len(X_train), 50):
                xb = X_train[start : start + 50]
                yb = y_train[start : start + 50]
                optimizer.zero_grad()
                out = model(xb)
                loss = criterion(out, yb)
                loss.backward()
                optimizer.step()
            model.eval()
            with torch.no_grad():
                val_out = model(X_val)
                val_score = ((val_out > 0) == (y_val > 0.5)).float().mean().item()
            scheduler.step(criterion(val_out, y_val).item())
            self.history.append(val_score)
            print(f"{epoch} loss {loss.item():.4f} val accuracy {val_score:.4f}")
        return self.history


Trainer(25).run()
