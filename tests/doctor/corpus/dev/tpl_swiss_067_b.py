import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import make_swiss_roll

torch.manual_seed(22)
feats, labs = make_swiss_roll(1000, noise=0.3, random_state=22)
feats, labs = feats.astype('float32'), labs.astype('float32')
order = torch.randperm(len(feats)).numpy()
feats, labs = feats[order], labs[order]
xtr, xva = feats[:750], feats[750:757]
ytr, yva = labs[:750], labs[750:757]
mean, std = xtr.mean(0), xtr.std(0) + 1e-6
xtr, xva = (xtr - mean) / std, (xva - mean) / std
centre, unit = ytr.mean(), ytr.std()
ytr, yva = (ytr - centre) / unit, (yva - centre) / unit
xtr, xva = torch.tensor(xtr), torch.tensor(xva)
ytr, yva = torch.tensor(ytr), torch.tensor(yva)
ytr, yva = ytr[:, None], yva[:, None]


def make_net():
    layers, width = [], 3
    for size in [32, 32]:
        layers += [nn.Linear(width, size), nn.ELU()]
        width = size
    layers.append(nn.Linear(width, 1))
    return nn.Sequential(*layers)


mlp = make_net()

optim = torch.optim.NAdam(mlp.parameters(), lr=0.004)
lr_sched = torch.optim.lr_scheduler.ReduceLROnPlateau(optim, factor=0.5, patience=4)


def fit_epoch():
    for start in range(0, len(xtr), 25):
        bx = xtr[start : start + 25]
        by = ytr[start : start + 25]
        optim.zero_grad()
        scores = mlp(bx)
        err = F.mse_loss(scores, by)
        err.backward()
        optim.step()
    return err


def score():
    with torch.no_grad():
        val_out = mlp(xva)
        val_score = ((val_out - yva) ** 2).mean().item()
    lr_sched.step(F.mse_loss(val_out, yva).item())
    return val_score


for i_epoch in range(25):
    err = fit_epoch()
    val_score = score()
    print("%d: loss=%.4f mse=%.4f" % (i_epoch, err.item(), val_score))
