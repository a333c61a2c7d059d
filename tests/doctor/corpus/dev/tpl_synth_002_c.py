import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import make_classification
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(28)
feats, labs = make_classification(1200, 20, n_informative=8, n_classes=4, class_sep=1.6, n_clusters_per_class=1, flip_y=0.0, random_state=28)
feats, labs = feats.astype('float32'), labs.astype('int64')
order = torch.randperm(len(feats)).numpy()
feats, labs = feats[order], labs[order]
xtr, xva = feats[:900], feats[900:]
ytr, yva = labs[:900], labs[900:]
mean, std = xtr.mean(0), xtr.std(0) + 1e-6
xtr, xva = (xtr - mean) / std, (xva - mean) / std
xtr, xva = torch.tensor(xtr), torch.tensor(xva)
ytr, yva = torch.tensor(ytr), torch.tensor(yva)
loader = DataLoader(TensorDataset(xtr, ytr), batch_size=25, shuffle=True)

mlp = nn.Sequential(
    nn.Linear(20, 32),
    nn.LayerNorm(32),
    nn.ELU(),
    nn.Linear(32, 32),
    nn.LayerNorm(32),
    nn.ELU(),
    nn.Linear(32, 4),
)

objective = nn.CrossEntropyLoss()
optim = torch.optim.Adagrad(mlp.parameters(), lr=1e-7)


def fit_epoch():
    for bx, by in loader:
        scores = mlp(bx)
        err = objective(scores, by)
        err.backward()
        optim.step()
        optim.zero_grad()
    return err


def score():
    with torch.no_grad():
        val_out = mlp(xva)
        val_score = (val_out.argmax(1) == yva).float().mean().item()
    return val_score


for i_epoch in range(14):
    err = fit_epoch()
    val_score = score()
    print("%d: loss=%.4f accuracy=%.4f" % (i_epoch, err.item(), val_score))
