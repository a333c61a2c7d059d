import numpy as np
import torch
from torch import nn
import torch.nn.functional as F
from sklearn.datasets import make_moons

torch.manual_seed(12)
feats, labs = make_moons(1000, noise=0.15, random_state=12)
feats, labs = feats.astype('float32'), labs.astype('float32')
order = torch.randperm(len(feats)).numpy()
feats, labs = feats[order], labs[order]
xtr, xva = feats[:750], feats[750:]
ytr, yva = labs[:750], labs[750:]
mean, std = xtr.mean(0), xtr.std(0) + 1e-6
xtr, xva = (xtr - mean) / std, (xva - mean) / std
xtr, ytr, xva, yva = map(torch.from_numpy, (xtr, ytr, xva, yva))
ytr, yva = ytr[:, None], yva[:, None]


def make_net():
    layers, width = [], 2
    for size in [48]:
        layers += [nn.Linear(width, size), nn.BatchNorm1d(size), nn.GELU()]
        width = size
    layers.append(nn.Linear(width, 1))
    return nn.Sequential(*layers)


mlp = make_net()

optim = torch.optim.Adagrad(mlp.parameters(), lr=0.05)
lr_sched = torch.optim.lr_scheduler.ReduceLROnPlateau(optim, factor=0.5, patience=4)


def train_one_epoch():
    mlp.train()
    for start in range(0, len(xtr), 50):
        bx = xtr[start : start + 50]
        by = ytr[start : start + 50]
        scores = mlp(bx)
        err = F.binary_cross_entropy_with_logits(scores, by)
        optim.zero_grad()
        err.backward()
        optim.step()
    return err


def evaluate():
    mlp.eval()
    with torch.no_grad():
        val_out = mlp(xva)
        val_score = ((val_out > 0) == (yva > 0.5)).float().mean().item()
    lr_sched.step(F.binary_cross_entropy_with_logits(val_out, yva).item())
    return val_score


for i_epoch in range(25):
    err = train_one_epoch()
    val_score = evaluate()
    print("%d: loss=%.4f accuracy=%.4f" % (i_epoch, err.item(), val_score))
