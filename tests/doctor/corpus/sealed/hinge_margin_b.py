"""Kernel-free SVM: hinge loss on random Fourier features."""
import math
import torch
from sklearn.datasets import make_circles

torch.manual_seed(56)
X, y = make_circles(3000, noise=0.12, factor=0.5, random_state=56)
X = torch.tensor(X, dtype=torch.float32)
y = torch.tensor(y, dtype=torch.float32)
W = torch.randn(2, 100) * 2
b = 2 * math.pi * torch.rand(100)
Phi = math.sqrt(2 / 100) * torch.cos(X @ W + b)
Xtr, ytr, Xte, yte = Phi[:2000], y[:2000], Phi[2000:], y[2000:]

svm = torch.nn.Linear(100, 1)
opt = torch.optim.SGD(svm.parameters(), lr=0.5)
sched = torch.optim.lr_scheduler.LambdaLR(opt, lambda e: 1 / (1 + 0.3 * e))
C = 1e-3


def hinge(score, target):
    return torch.clamp(1 - target * score, min=0).mean()


for epoch in range(20):
    running = 0.0
    for idx in torch.randperm(2000).split(20):
        loss = hinge(svm(Xtr[idx]).squeeze(1), ytr[idx]) + C * svm.weight.pow(2).sum()
        opt.zero_grad()
        loss.backward()
        opt.step()
        running += loss.item() / 100
    sched.step()
    with torch.no_grad():
        s = svm(Xte).squeeze(1)
        test, acc = hinge(s, yte).item(), ((s > 0.5) == (yte > 0.5)).float().mean().item()
    if epoch % 2:
        print(f"epoch {epoch + 1:2d} objective {running:.4f} train hinge {hinge(svm(Xtr).squeeze(1), ytr).item():.4f} test hinge {test:.4f} accuracy {acc:.4f}")
print(f"accuracy {acc:.4f}")
