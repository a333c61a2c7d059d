import random
import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from torch.utils.data import Dataset, DataLoader

random.seed(10); np.random.seed(10); torch.manual_seed(10)


class TripletDigits(Dataset):
    def __init__(self, X, y, n=1200):
        self.X, self.y, self.n = X, y, n
        self.by_class = {c: np.where(y == c)[0] for c in range(10)}

    def __len__(self):
        return self.n

    def __getitem__(self, _):
        c = random.randrange(10)
        other = random.choice([k for k in range(10) if k != c])
        a = random.choice(self.by_class[c])
        p = random.choice(self.by_class[c])
        n = random.choice(self.by_class[other])
        return self.X[a], self.X[p], self.X[n]


class EmbeddingNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(64, 64), nn.PReLU(), nn.Linear(64, 8))

    def forward(self, x):
        return self.net(x)


class TripletLoss(nn.Module):
    def __init__(self, margin):
        super().__init__()
        self.margin = margin

    def forward(self, a, p, n):
        d_ap = (a - p).pow(2).sum(1).sqrt()
        d_an = (a - n).pow(2).sum(1).sqrt()
        return torch.relu(d_ap - d_an + self.margin).mean()


def nn_accuracy(model, X_ref, y_ref, X, y):
    model.eval()
    with torch.no_grad():
        near = torch.cdist(model(X), model(X_ref)).topk(5, largest=False)[1].numpy()
    vote = np.array([np.bincount(v).argmax() for v in y_ref[near]])
    return (vote == y).mean()


digits = load_digits()
order = np.random.permutation(len(digits.data))
X = torch.tensor(digits.data[order] / 16, dtype=torch.float32)
y = digits.target[order]
X_tr, y_tr, X_te, y_te = X[:1200], y[:1200], X[1200:], y[1200:]
model = EmbeddingNet()
criterion = TripletLoss(margin=1.0)
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 8, gamma=0.2)
loader = DataLoader(TripletDigits(X_tr, y_tr), batch_size=64)
val_loader = DataLoader(TripletDigits(X_te, y_te, 600), batch_size=200)
for epoch in range(12):
    model.train()
    losses = []
    for a, p, n in loader:
        loss = criterion(model(a), model(p), model(n))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    scheduler.step()
    model.eval()
    with torch.no_grad():
        val = np.mean([criterion(model(a), model(p), model(n)).item() for a, p, n in val_loader])
    print('Epoch: %d  Average loss: %.4f  validation: %.4f  5-NN: %.4f' % (epoch, np.mean(losses), val, nn_accuracy(model, X_tr, y_tr, X_te, y_te)))
print('5-NN accuracy', round(float(nn_accuracy(model, X_tr, y_tr, X_te, y_te)), 4))
