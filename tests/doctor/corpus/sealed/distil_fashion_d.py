"""Knowledge distillation: a small network learns from a larger one's soft scores (T = 3)."""
import gzip
import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

torch.manual_seed(0)
ROOT = "/usr/share/datasets/fashion-mnist/"


def fashion(kind, n):
    with gzip.open(ROOT + kind + "-images-idx3-ubyte.gz") as f:
        x = np.frombuffer(f.read(16 + 784 * n), dtype=np.uint8, offset=16).reshape(n, 28, 28)
    with gzip.open(ROOT + kind + "-labels-idx1-ubyte.gz") as f:
        y = np.frombuffer(f.read(8 + n), dtype=np.uint8, offset=8)
    x = torch.tensor(x, dtype=torch.float32).unsqueeze(1) / 255
    return F.avg_pool2d(x, 2).flatten(1).sub(0.286).div(0.3), torch.tensor(y, dtype=torch.long)


x_train, y_train = fashion("train", 6000)
x_val, y_val = fashion("t10k", 2000)

teacher = nn.Sequential(nn.Linear(196, 256), nn.BatchNorm1d(256), nn.ReLU(), nn.Dropout(0.3), nn.Linear(256, 10))
student = nn.Sequential(nn.Linear(196, 24), nn.ReLU(), nn.Linear(24, 10))
T, ALPHA = 3.0, 0.7


def accuracy(net):
    net.eval()
    with torch.no_grad():
        return (net(x_val).argmax(1) == y_val).float().mean().item()


def batches(size=100):
    return torch.randperm(len(x_train)).split(size)


def fit_teacher(epochs=6):
    optimizer = torch.optim.Adam(teacher.parameters(), lr=2e-3, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 4e-3, total_steps=epochs * 60)
    for epoch in range(epochs):
        teacher.train()
        for rows in batches():
            loss = F.cross_entropy(teacher(x_train[rows]), y_train[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
        print(f"teacher epoch {epoch}: loss {loss.item():.3f}, val acc {accuracy(teacher):.4f}")


def distil(epochs=10):
    teacher.eval()
    optimizer = torch.optim.Adam(teacher.parameters(), lr=4e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
    for epoch in range(epochs):
        student.train()
        total = 0.0
        for rows in batches():
            with torch.no_grad():
                soft = F.softmax(teacher(x_train[rows]) / T, dim=1)
            scores = student(x_train[rows])
            kd = F.kl_div(F.log_softmax(scores / T, dim=1), soft, reduction="batchmean") * T * T
            loss = ALPHA * kd + (1 - ALPHA) * F.cross_entropy(scores, y_train[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() / 60
        schedule.step()
        print(f"student epoch {epoch}: loss {total:.3f}, val acc {accuracy(student):.4f}")


fit_teacher()
distil()
print(f"student accuracy {accuracy(student):.4f}")
