import torch
import torch.nn as nn
from sklearn.datasets import make_classification

torch.manual_seed(68)
X, y = make_classification(1200, 20, n_informative=8, n_classes=4, class_sep=1.6, n_clusters_per_class=1, flip_y=0.0, random_state=68)
X, y = X.astype('float32'), y.astype('int64')
order = torch.randperm(len(X)).numpy()
X, y = X[order], y[order]
X_train, X_val = X[:900], X[900:]
y_train, y_val = y[:900], y[900:]
mean, std = X_train.mean(0), X_train.std(0) + 1e-6
X_train, X_val = (X_train - mean) / std, (X_val - mean) / std
X_train, X_val = torch.tensor(X_train), torch.tensor(X_val)
y_train, y_val = torch.tensor(y_train), torch.tensor(y_val)


class Classifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden = nn.ModuleList(nn.Linear(a, b) for a, b in [(20, 32), (32, 32)])
        self.act = nn.LeakyReLU()
        self.head = nn.Linear(32, 4)

    def forward(self, x):
        for layer in self.hidden:
            x = self.act(layer(x))
        return self.head(x)


model = Classifier()

criterion = nn.CrossEntropyLoss()
for w in model.parameters():
    nn.init.constant_(w, 0.01)
optimizer = torch.optim.SGD(model.parameters(), lr=0.2)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 19)


class Trainer:
    """Holds what a training needs."""

    def __init__(self, epochs):
        self.epochs = epochs
        self.history = []

    def run(self):
        for epoch in range(self.epochs):
            for start in range(0, len(X_train), 40):
                xb = X_train[start : start + 40]
                yb = y_train[start : start + 40]
                optimizer.zero_grad()
                out = model(xb)
                loss = criterion(out, yb)
                loss.backward()
                nn.utils.clip_grad_norm_(model.parameters(), 5.0)
                optimizer.step()
            scheduler.step()
            with torch.no_grad():
                val_out = model(X_val)
                val_score = (val_out.argmax(1) == y_val).float().mean().item()
            self.history.append(val_score)
            print(epoch, loss.item(), "accuracy", val_score)
        return self.history


Trainer(19).run()
