import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import make_blobs
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(60)
feats, labs = make_blobs(1000, 12, centers=5, cluster_std=4.0, random_state=60)
feats, labs = feats.astype('float32'), labs.astype('int64')
order = torch.randperm(len(feats)).numpy()
feats, labs = feats[order], labs[order]
xtr, xva = feats[:750], feats[750:]
ytr, yva = labs[:750], labs[750:]
mean, std = xtr.mean(0), xtr.std(0) + 1e-6
xtr, xva = (xtr - mean) / std, (xva - mean) / std
xtr, xva = torch.tensor(xtr), torch.tensor(xva)
ytr, yva = torch.tensor(ytr), torch.tensor(yva)
loader = DataLoader(TensorDataset(xtr, ytr), batch_size=32, shuffle=True)

mlp = nn.Sequential(
    nn.Linear(12, 48),
    nn.LayerNorm(48),
    nn.GELU(),
    nn.Linear(48, 48),
    nn.LayerNorm(48),
    nn.GELU(),
    nn.Linear(48, 5),
)

optim = torch.optim.Adagrad(mlp.parameters(), lr=0.05)


def train_one_epoch():
    for bx, by in loader:
        scores = mlp(bx)
        err = F.cross_entropy(scores, by)
        optim.zero_grad()
        err.backward()
        optim.step()
    return err


def evaluate():
    with torch.no_grad():
        val_out = mlp(xva)
        val_score = (val_out.argmax(1) == yva).float().mean().item()
    return val_score


for i_epoch in range(12):
    err = train_one_epoch()
    val_score = evaluate()
    print(i_epoch, err.item(), "accuracy", val_score)
