"""Siamese network: same garment or not? Contrastive loss on pairs."""
import gzip
import numpy as np
import torch
from torch import nn
import torch.nn.functional as F

rs = np.random.RandomState(63)
torch.manual_seed(63)


def clothes(split, n):
    d = "/usr/share/datasets/fashion-mnist/" + split
    x = np.frombuffer(gzip.open(d + "-images-idx3-ubyte.gz").read(16 + n * 784)[16:], np.uint8).reshape(n, 28, 28)
    y = np.frombuffer(gzip.open(d + "-labels-idx1-ubyte.gz").read(8 + n)[8:], np.uint8)
    x = x.reshape(n, 14, 2, 14, 2).mean((2, 4)) / 255.0
    return torch.tensor(x, dtype=torch.float32).flatten(1) - 0.286, y


def pairs(x, y, n):
    a = rs.randint(len(y), size=n)
    b = rs.randint(len(y), size=n)
    for i in np.where(rs.rand(n) < 0.5)[0]:
        b[i] = rs.choice(np.where(y == y[a[i]])[0])
    return x[a], x[b], torch.tensor(y[a] == y[b], dtype=torch.float32)


class Tower(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(196, 128), nn.ReLU(), nn.Linear(128, 16))

    def forward(self, x):
        return self.body(x)


def contrastive(u, v, same, margin=1.5):
    d = torch.sqrt((u - v).square().sum(1))
    return (same * d.square() + (1 - same) * F.relu(margin - d).square()).mean(), d


x, y = clothes("train", 4000)
xv, yv = clothes("t10k", 1500)
va, vb, vs = pairs(xv, yv, 1500)
tower = Tower()
opt = torch.optim.Adam(tower.parameters(), lr=2e-3, weight_decay=1e-4)
sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, 12)
for epoch in range(12):
    tower.train()
    a, b, same = pairs(x, y, 4000)
    tr = 0.0
    for i in torch.randperm(4000).split(64):
        loss, _ = contrastive(tower(a[i]), tower(b[i]), same[i])
        opt.zero_grad()
        loss.backward()
        opt.step()
        tr += loss.item() * len(i) / 4000
    sched.step()
    tower.eval()
    with torch.no_grad():
        va_loss, d = contrastive(tower(va), tower(vb), vs)
        acc = ((d < 0.75).float() == vs).float().mean().item()
    print(f"epoch {epoch:2d} train {tr:.4f} val {va_loss.item():.4f} pairs right {acc:.4f}")
print(f"pairs right {acc:.4f}")
