import torch
from torch import nn
from sklearn.datasets import make_blobs

torch.manual_seed(90)
X, y = make_blobs(1000, 12, centers=5, cluster_std=4.0, random_state=90)
X, y = X.astype('float32'), y.astype('int64')
order = torch.randperm(len(X)).numpy()
X, y = X[order], y[order]
X_train, X_val = X[:750], X[750:]
y_train, y_val = y[:750], y[750:]
mean, std = X_train.mean(0), X_train.std(0) + 1e-6
X_train, X_val = (X_train - mean) / std, (X_val - mean) / std
X_train, X_val = torch.tensor(X_train), torch.tensor(X_val)
y_train, y_val = torch.tensor(y_train), torch.tensor(y_val)


class Classifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden = nn.ModuleList(nn.Linear(a, b) for a, b in [(12, 48), (48, 48)])
        self.norms = nn.ModuleList(nn.BatchNorm1d(w) for w in [48, 48])
        self.act = nn.ReLU()
        self.head = nn.Linear(48, 5)

    def forward(self, x):
        for layer, norm in zip(self.hidden, self.norms):
            x = self.act(norm(layer(x)))
        return self.head(x)


model = Classifier()

criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.AdamW(model.parameters(), lr=0.005, weight_decay=0.01)
scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: min(1.0, (step + 1) / 30))


def train():
    model.train()
    for start in range(0, len(X_train), 40):
        xb = X_train[start : start + 40]
        yb = y_train[start : start + 40]
        out = model(xb)
        loss = criterion(out, yb)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        scheduler.step()
    return loss


def test():
    with torch.no_grad():
        val_out = model(X_val)
        val_score = (val_out.argmax(1) == y_val).float().mean().item()
    return val_score


for epoch in range(12):
    loss = train()
    val_score = test()
    print(epoch, loss.item(), "accuracy", val_score)
