import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import make_regression

torch.manual_seed(68)
feats, labs = make_regression(900, 10, n_informative=6, noise=5.0, random_state=68)
feats, labs = feats.astype('float32'), labs.astype('float32')
order = torch.randperm(len(feats)).numpy()
feats, labs = feats[order], labs[order]
xtr, xva = feats[:650], feats[650:]
ytr, yva = labs[:650], labs[650:]
mean, std = xtr.mean(0), xtr.std(0) + 1e-6
xtr, xva = (xtr - mean) / std, (xva - mean) / std
centre, unit = ytr.mean(), ytr.std()
ytr, yva = (ytr - centre) / unit, (yva - centre) / unit
xtr, xva = torch.tensor(xtr), torch.tensor(xva)
ytr, yva = torch.tensor(ytr), torch.tensor(yva)


def make_net():
    layers, width = [], 10
    for size in [48]:
        layers += [nn.Linear(width, size), nn.SiLU()]
        width = size
    layers.append(nn.Linear(width, 1))
    return nn.Sequential(*layers)


mlp = make_net()

objective = nn.MSELoss()
optim = torch.optim.AdamW(mlp.parameters(), lr=0.005, weight_decay=0.01)

for i_epoch in range(2):
    mlp.train()
    for _ in range(26):
        idx = torch.randint(0, len(xtr), (25,))
        bx, by = xtr[idx], ytr[idx]
        scores = mlp(bx).squeeze(1)
        err = objective(scores, by)
        err.backward()
        optim.step()
        optim.zero_grad()
    mlp.eval()
    with torch.no_grad():
        val_out = mlp(xva).squeeze(1)
        val_score = ((val_out - yva) ** 2).mean().item()
    print(i_epoch, err.item(), "mse", val_score)
