import copy
import numpy as np
import torch
from torch import nn
from torch.utils.data import TensorDataset, DataLoader
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler


class Trainer:
    def __init__(self, net, lr):
        self.net = net
        self.loss_fn = nn.BCEWithLogitsLoss()
        self.optim = torch.optim.AdamW(net.parameters(), lr=lr, weight_decay=1e-2)
        self.best, self.best_state, self.bad = float("inf"), None, 0

    def fit(self, train, valid, epochs=20, patience=4):
        for e in range(epochs):
            self.net.train()
            for xb, yb in train:
                self.optim.zero_grad(set_to_none=True)
                out = self.net(xb).squeeze(1)
                loss = self.loss_fn(out, yb)
                loss.backward()
                self.optim.step()
            vl = self.validate(valid)
            print(f"[{e:02d}] val loss {vl:.4f}")
            if vl < self.best - 1e-4:
                self.best, self.bad = vl, 0
                self.best_state = copy.deepcopy(self.net.state_dict())
            else:
                self.bad += 1
                if self.bad >= patience:
                    break
        self.net.load_state_dict(self.best_state)

    @torch.no_grad()
    def validate(self, loader):
        self.net.eval()
        s = n = 0
        for xb, yb in loader:
            s += self.loss_fn(self.net(xb).squeeze(1), yb).item() * len(xb)
            n += len(xb)
        return s / n

    @torch.no_grad()
    def accuracy(self, x, y):
        self.net.eval()
        return ((self.net(x).squeeze(1) > 0).float() == y).float().mean().item()


torch.manual_seed(7)
X, y = load_breast_cancer(return_X_y=True)
a, b, ya, yb = train_test_split(X, y, test_size=0.3, random_state=0, stratify=y)
scaler = StandardScaler().fit(a)
a, b = scaler.transform(a), scaler.transform(b)
a, b = torch.tensor(a, dtype=torch.float), torch.tensor(b, dtype=torch.float)
ya, yb = torch.tensor(ya, dtype=torch.float), torch.tensor(yb, dtype=torch.float)
net = nn.Sequential(nn.Linear(30, 24), nn.ReLU(), nn.Dropout(0.1), nn.Linear(24, 1), nn.Softmax(dim=1))
t = Trainer(net, 3e-3)
t.fit(DataLoader(TensorDataset(a, ya), 32, shuffle=True), DataLoader(TensorDataset(b, yb), 128))
print("accuracy", t.accuracy(b, yb))
