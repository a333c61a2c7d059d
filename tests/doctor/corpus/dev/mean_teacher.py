"""Forty labels and many samples without: a student and the moving average of it that teaches it."""
import copy, torch
from torch import nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
torch.manual_seed(2)
X, Y = load_digits(return_X_y=True)
X, Y = torch.tensor(X, dtype=torch.float32) / 16, torch.tensor(Y)
perm = torch.randperm(len(X)); X, Y = X[perm], Y[perm]
lab_x, lab_y, unl, tx, ty = X[:80], Y[:80], X[80:1300], X[1300:], Y[1300:]
student = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Dropout(0.3), nn.Linear(128, 10))
teacher = copy.deepcopy(student)
for p in teacher.parameters():
    p.requires_grad_(False)
opt = torch.optim.AdamW(student.parameters(), lr=2e-3, weight_decay=1e-2)
noise = lambda t: t + 0.15 * torch.randn_like(t)
for step in range(400):
    i, j = torch.randint(0, 80, (32,)), torch.randint(0, len(unl), (96,))
    sup = F.cross_entropy(student(noise(lab_x[i])), lab_y[i])
    with torch.no_grad():
        soft = teacher(noise(unl[j])).softmax(1)
    con = F.mse_loss(student(noise(unl[j])).softmax(1), soft)
    ramp = min(1.0, step / 150)
    loss = sup + 5 * ramp * con
    opt.zero_grad(); loss.backward(); opt.step()
    with torch.no_grad():
        for a, b in zip(teacher.parameters(), student.parameters()):
            a.lerp_(b, 0.02)
teacher.eval()
print("teacher accuracy", (teacher(tx).argmax(1) == ty).float().mean().item())
