import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_wine

rng = np.random.default_rng(0)
torch.manual_seed(0)
X, y = load_wine(return_X_y=True)
order = rng.permutation(len(X))
X, y = X[order], y[order]
X = (X - X[:130].mean(0)) / X[:130].std(0)
X, y = torch.from_numpy(X).float(), torch.from_numpy(y)
tr, te = slice(0, 130), slice(130, None)


def mlp(width):
    return nn.Sequential(nn.Linear(13, width), nn.ReLU(), nn.Dropout(0.1), nn.Linear(width, 3))


def accuracy(m):
    m.eval()
    with torch.no_grad():
        return (m(X[te]).argmax(1) == y[te]).float().mean().item()


teacher = mlp(64)
opt = torch.optim.Adam(teacher.parameters(), lr=5e-3)
teacher.train()
for _ in range(60):
    opt.zero_grad()
    F.cross_entropy(teacher(X[tr]), y[tr], label_smoothing=0.05).backward()
    opt.step()
print("teacher", accuracy(teacher))

teacher.eval()
for p in teacher.parameters():
    p.requires_grad_(False)

student, T = mlp(12), 3.0
student.train()
for i in range(120):
    logits = student(X[tr])
    with torch.no_grad():
        soft = F.softmax(teacher(X[tr]) / T, dim=1)
    kd = F.kl_div(F.log_softmax(logits / T, dim=1), soft, reduction="batchmean") * T * T
    loss = 0.7 * kd + 0.3 * F.cross_entropy(logits, y[tr])
    opt.zero_grad()
    loss.backward()
    opt.step()
    if i % 30 == 29:
        print(i + 1, loss.item())
print("student", accuracy(student))
