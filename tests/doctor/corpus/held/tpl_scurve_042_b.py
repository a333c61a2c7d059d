import torch
from torch import nn
from sklearn.datasets import make_s_curve

torch.manual_seed(7)
feats, labs = make_s_curve(1000, noise=0.1, random_state=7)
feats, labs = feats.astype('float32'), labs.astype('float32')
order = torch.randperm(len(feats)).numpy()
feats, labs = feats[order], labs[order]
xtr, xva = feats[:750], feats[750:]
ytr, yva = labs[:750], labs[750:]
mean, std = xtr.mean(0), xtr.std(0) + 1e-6
xtr, xva = (xtr - mean) / std, (xva - mean) / std
centre, unit = ytr.mean(), ytr.std()
ytr, yva = (ytr - centre) / unit, (yva - centre) / unit
xtr, xva = torch.tensor(xtr), torch.tensor(xva)
ytr, yva = torch.tensor(ytr), torch.tensor(yva)


def make_net():
    layers, width = [], 3
    for size in [48]:
        layers += [nn.Linear(width, size), nn.ELU(), nn.Dropout(0.1)]
        width = size
    layers += [nn.Linear(width, 1), nn.Sigmoid()]
    return nn.Sequential(*layers)


mlp = make_net()

objective = nn.MSELoss()
optim = torch.optim.AdamW(mlp.parameters(), lr=0.005, weight_decay=0.01)
lr_sched = torch.optim.lr_scheduler.OneCycleLR(optim, max_lr=0.005, total_steps=475)


def fit_epoch():
    mlp.train()
    for start in range(0, len(xtr), 40):
        bx = xtr[start : start + 40]
        by = ytr[start : start + 40]
        scores = mlp(bx).squeeze(-1)
        err = objective(scores, by)
        err.backward()
        optim.step()
        optim.zero_grad()
        lr_sched.step()
    return err


def score():
    mlp.eval()
    with torch.no_grad():
        val_out = mlp(xva).squeeze(1)
        val_score = ((val_out - yva) ** 2).mean().item()
    return val_score


for i_epoch in range(25):
    err = fit_epoch()
    val_score = score()
    print(i_epoch, err.item(), "mse", val_score)
