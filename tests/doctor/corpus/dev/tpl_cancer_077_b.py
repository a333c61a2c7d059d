# cancer: classification baseline
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_breast_cancer

torch.manual_seed(57)
feats, labs = load_breast_cancer(return_X_y=True)
feats, labs = feats.astype('float32'), labs.astype('float32')
order = torch.randperm(len(feats)).numpy()
feats, labs = feats[order], labs[order]
xtr, xva = feats[:420], feats[420:]
ytr, yva = labs[:420], labs[420:]
mean, std = xtr.mean(0), xtr.std(0) + 1e-6
xtr, xva = (xtr - mean) / std, (xva - mean) / std
xtr, xva = torch.tensor(xtr), torch.tensor(xva)
ytr, yva = torch.tensor(ytr), torch.tensor(yva)


def make_net():
    layers, width = [], 30
    for size in [64]:
        layers += [nn.Linear(width, size), nn.LeakyReLU(), nn.Dropout(0.1)]
        width = size
    layers.append(nn.Linear(width, 1))
    return nn.Sequential(*layers)


mlp = make_net()

optim = torch.optim.Adagrad(mlp.parameters(), lr=0.05)


def fit_epoch():
    mlp.train()
    for start in range(0, len(xtr), 40):
        bx = xtr[start : start + 40]
        by = ytr[start : start + 40]
        optim.zero_grad()
        scores = mlp(bx).squeeze(1)
        err = F.binary_cross_entropy_with_logits(scores, by)
        err.backward()
        optim.step()
    return err


def score():
    mlp.eval()
    with torch.no_grad():
        val_out = mlp(xva).squeeze(1)
        val_score = ((val_out > 0) == (yva > 0.5)).float().mean().item()
    return val_score


for i_epoch in range(120):
    err = fit_epoch()
    val_score = score()
    print("%d: loss=%.4f accuracy=%.4f" % (i_epoch, err.item(), val_score))
