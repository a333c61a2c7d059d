import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import make_blobs

torch.manual_seed(54)
feats, labs = make_blobs(1000, 12, centers=5, cluster_std=4.0, random_state=54)
feats, labs = feats.astype('float32'), labs.astype('int64')
order = torch.randperm(len(feats)).numpy()
feats, labs = feats[order], labs[order]
xtr, xva = feats[:750], feats[750:]
ytr, yva = labs[:750], labs[750:]
mean, std = xtr.mean(0), xtr.std(0) + 1e-6
xtr, xva = (xtr - mean) / std, (xva - mean) / std
xtr, ytr, xva, yva = map(torch.from_numpy, (xtr, ytr, xva, yva))

mlp = nn.Sequential(
    nn.Linear(12, 48),
    nn.ELU(),
    nn.Linear(48, 48),
    nn.ELU(),
    nn.Linear(48, 5),
)

objective = nn.CrossEntropyLoss()
optim = torch.optim.SGD(mlp.parameters(), lr=0.2)


def fit_epoch():
    mlp.train()
    for start in range(0, len(xtr), 50):
        bx = xtr[start : start + 50]
        by = ytr[start : start + 50]
        scores = mlp(bx)
        err = objective(scores, by)
        optim.zero_grad()
        err.backward()
        optim.step()
    return err


def score():
    mlp.eval()
    with torch.no_grad():
        val_out = mlp(xva)
        val_score = (val_out.argmax(1) == yva).float().mean().item()
    return val_score


for i_epoch in range(16):
    err = fit_epoch()
    val_score = score()
    print(f"{i_epoch} loss {err.item():.4f} val accuracy {val_score:.4f}")
