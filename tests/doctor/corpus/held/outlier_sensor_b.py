"""Predict a reading from eight sensors; broken rows (a stuck amplifier) are dropped first."""
import numpy as np
import torch
from torch import nn

rng = np.random.default_rng(1)
torch.manual_seed(1)
n = 2000
S = rng.normal(size=(n, 8))
r = S[:, 0] * S[:, 1] + np.sin(2 * S[:, 2]) + 0.5 * S[:, 3] + 0.1 * rng.normal(size=n)
broken = rng.random(n) < 0.004
S[broken] *= 60
S[n - 400 :] = np.clip(S[n - 400 :], -4, 4)
r = (r - r.mean()) / r.std()
train = np.arange(n - 400)
S, r = torch.tensor(S, dtype=torch.float32), torch.tensor(r, dtype=torch.float32)[:, None]
net = nn.Sequential(nn.Linear(8, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 1))
opt = torch.optim.SGD(net.parameters(), lr=0.005)
losses = []
for epoch in range(16):
    rng.shuffle(train)
    for start in range(0, len(train), 32):
        idx = train[start : start + 32]
        loss = nn.functional.mse_loss(net(S[idx]), r[idx])
        opt.zero_grad()
        loss.backward()

        opt.step()
        losses.append(loss.item())
    print(epoch, "mean", np.mean(losses[-50:]), "max", np.max(losses[-50:]))
with torch.no_grad():
    print("test mse", nn.functional.mse_loss(net(S[n - 400 :]), r[n - 400 :]).item())
