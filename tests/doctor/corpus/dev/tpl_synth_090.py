"""Train a small network on synth."""
import torch
from torch import nn
from sklearn.datasets import make_classification
from sklearn.preprocessing import StandardScaler

torch.manual_seed(46)
X, y = make_classification(1200, 20, n_informative=8, n_classes=4, class_sep=1.6, n_clusters_per_class=1, flip_y=0.0, random_state=46)
X, y = X.astype('float32'), y.astype('int64')
order = torch.randperm(len(X)).numpy()
X, y = X[order], y[order]
X_train, X_val = X[:900], X[900:]
y_train, y_val = y[:900], y[900:]
scaler = StandardScaler().fit(X_train)
X_train, X_val = scaler.transform(X_train), scaler.transform(X_val)
X_train, X_val = torch.tensor(X_train), torch.tensor(X_val)
y_train, y_val = torch.tensor(y_train), torch.tensor(y_val)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden = nn.ModuleList(nn.Linear(a, b) for a, b in [(20, 24), (24, 24)])
        self.act = nn.LeakyReLU()
        self.head = nn.Linear(24, 4)

    def forward(self, x):
        for layer in self.hidden:
            x = self.act(layer(x))
        return self.head(x)


model = Net()

criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.NAdam(model.parameters(), lr=0.004)
scheduler = torch.optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.873)


def fit_epoch():
    model.train()
    for idx in torch.randperm(len(X_train)).split(40):
        xb, yb = X_train[idx], y_train[idx]
        out = model(xb)
        loss = criterion(out, yb)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    scheduler.step()
    return loss


def score():
    model.eval()
    with torch.no_grad():
        val_out = model(X_val)
        val_score = (val_out.argmax(1) == y_val).float().mean().item()
    return val_score


for epoch in range(14):
    loss = fit_epoch()
    val_score = score()
    print(epoch, loss.item(), "accuracy", val_score)
