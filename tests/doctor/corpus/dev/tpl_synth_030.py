# synth: classification baseline
import torch
from torch import nn
from sklearn.datasets import make_classification
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(98)
X, y = make_classification(1200, 20, n_informative=8, n_classes=4, class_sep=1.6, n_clusters_per_class=1, flip_y=0.0, random_state=98)
X, y = X.astype('float32'), y.astype('int64')
order = torch.randperm(len(X)).numpy()
X, y = X[order], y[order]
X_train, X_val = X[:900], X[900:]
y_train, y_val = y[:900], y[900:]
mean, std = X_train.mean(0), X_train.std(0) + 1e-6
X_train, X_val = (X_train - mean) / std, (X_val - mean) / std
X_train, X_val = torch.tensor(X_train), torch.tensor(X_val)
y_train, y_val = torch.tensor(y_train), torch.tensor(y_val)
loader = DataLoader(TensorDataset(X_train, y_train), batch_size=25, shuffle=True)


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(20, 64)
        self.drop = nn.Dropout(0.1)
        self.act = nn.LeakyReLU()
        self.out = nn.Linear(64, 4)

    def forward(self, x):
        x = self.drop(self.act(self.fc1(x)))
        return self.out(x)


model = Model()

criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.RMSprop(model.parameters(), lr=0.002)


def fit_epoch():
    model.train()
    for xb, yb in loader:
        out = model(xb)
        loss = criterion(out, yb)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
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
    print(f"{epoch} loss {loss.item():.4f} val accuracy {val_score:.4f}")
