import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import make_s_curve

torch.manual_seed(96)
feats, labs = make_s_curve(1000, noise=0.1, random_state=96)
feats, labs = feats.astype('float32'), labs.astype('float32')
order = torch.randperm(len(feats)).numpy()
feats, labs = feats[order], labs[order]
xtr, xva = feats[:750], feats[750:]
ytr, yva = labs[:750], labs[750:]
mean, std = xtr.mean(0), xtr.std(0) + 1e-6
xtr, xva = (xtr - mean) / std, (xva - mean) / std
centre, unit = ytr.mean(), ytr.std()
ytr, yva = (ytr - centre) / unit, (yva - centre) / unit
xtr, ytr, xva, yva = map(torch.from_numpy, (xtr, ytr, xva, yva))

mlp = nn.Sequential(
    nn.Linear(3, 48),
    nn.BatchNorm1d(48),
    nn.SiLU(),
    nn.Linear(48, 1),
)

objective = nn.MSELoss()
optim = torch.optim.Adam(mlp.parameters(), lr=0.005)
lr_sched = torch.optim.lr_scheduler.StepLR(optim, step_size=16, gamma=0.3)

for i_epoch in range(25):
    mlp.train()
    for _ in range(30):
        idx = torch.randint(0, len(xtr), (25,))
        bx, by = xtr[idx], ytr[idx]
        scores = mlp(bx).view(-1)
        err = objective(scores, by)
        optim.zero_grad()
        err.backward()
        optim.step()
    lr_sched.step()
    mlp.eval()
    with torch.no_grad():
        val_out = mlp(xva).squeeze(1)
        val_score = ((val_out - yva) ** 2).mean().item()
    print(f"{i_epoch} loss {err.item():.4f} val mse {val_score:.4f}")
