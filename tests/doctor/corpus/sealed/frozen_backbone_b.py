"""Pretrain on seven kinds of clothes, then keep the features fixed and fit a new head on the other three from few images."""
import gzip
import torch
import numpy as np
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(22)


def load(kind, n):
    root = "/usr/share/datasets/fashion-mnist/"
    with gzip.open(root + kind + "-images-idx3-ubyte.gz", "rb") as f:
        f.read(16)
        x = np.frombuffer(f.read(n * 784), dtype=np.uint8).reshape(n, 1, 28, 28)
    with gzip.open(root + kind + "-labels-idx1-ubyte.gz", "rb") as f:
        f.read(8)
        y = np.frombuffer(f.read(n), dtype=np.uint8)
    return (torch.tensor(x) / 255.0 - 0.5) / 0.5, torch.tensor(y).long()


x, y = load("train", 9000)
xt, yt = load("t10k", 4000)
NEW = torch.tensor([2, 4, 6])  # pullover, coat, shirt
OLD = torch.tensor([0, 1, 3, 5, 7, 8, 9])


def subset(x, y, classes, limit=None):
    keep = torch.isin(y, classes)
    return TensorDataset(x[keep][:limit], torch.searchsorted(classes, y[keep])[:limit])


def make_backbone():
    return nn.Sequential(
        nn.Conv2d(1, 16, 5, stride=2, padding=2), nn.BatchNorm2d(16), nn.ReLU(),
        nn.Conv2d(16, 32, 3, stride=2, padding=1), nn.BatchNorm2d(32), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten())


class Classifier(nn.Module):
    def __init__(self, backbone, classes):
        super().__init__()
        self.backbone = backbone
        self.head = nn.Linear(288, classes)

    def forward(self, x):
        return self.head(self.backbone(x))


def evaluate(model, data):
    model.eval()
    good = 0
    with torch.no_grad():
        for a, b in DataLoader(data, 500):
            good += (model(a).argmax(1) == b).sum().item()
    return good / len(data)


ce = nn.CrossEntropyLoss()

# stage 1
pre = Classifier(make_backbone(), len(OLD))
opt = torch.optim.Adam(pre.parameters(), lr=2e-3)
for epoch in range(2):
    pre.train()
    for a, b in DataLoader(subset(x, y, OLD, 5000), 50, shuffle=True):
        opt.zero_grad()
        loss = ce(pre(a), b)
        loss.backward()
        opt.step()
    print("pretraining: epoch", epoch, "loss %.3f" % loss.item(), "test accuracy %.4f" % evaluate(pre, subset(xt, yt, OLD)))

# stage 2
model = Classifier(make_backbone(), len(NEW))
for p in model.backbone.parameters():
    p.requires_grad = False
optimizer = torch.optim.Adam(model.head.parameters(), lr=2e-3)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 12)
few, new_test = subset(x, y, NEW, 1500), subset(xt, yt, NEW)
for epoch in range(12):
    model.eval()
    total = 0.0
    for a, b in DataLoader(few, 50, shuffle=True):
        optimizer.zero_grad()
        loss = ce(model(a), b)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(b) / len(few)
    scheduler.step()
    print("head: epoch", epoch, "train loss %.4f" % total, "test accuracy %.4f" % evaluate(model, new_test))
print("accuracy on the new classes: %.4f" % evaluate(model, new_test))
