# swiss: regression baseline
import numpy as np
import torch
from torch import nn
import torch.nn.functional as F
from sklearn.datasets import make_swiss_roll

torch.manual_seed(84)
feats, labs = make_swiss_roll(1000, noise=0.3, random_state=84)
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


class Regressor(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(3, 48)
        self.fc2 = nn.Linear(48, 48)
        self.act = nn.GELU()
        self.out = nn.Linear(48, 1)

    def forward(self, x):
        x = self.act(self.fc1(x))
        x = self.act(self.fc2(x))
        return self.out(x)


mlp = Regressor()

optim = torch.optim.SGD(mlp.parameters(), lr=0.03, momentum=0.9)
lr_sched = torch.optim.lr_scheduler.StepLR(optim, step_size=16, gamma=0.3)

for i_epoch in range(25):
    for idx in torch.randperm(len(xtr)).split(25):
        bx, by = xtr[idx], ytr[idx]
        optim.zero_grad()
        scores = mlp(bx)
        err = F.mse_loss(scores, by)
        err.backward()
        optim.step()
    lr_sched.step()
    with torch.no_grad():
        val_out = mlp(xva)
        val_score = ((val_out - yva) ** 2).mean().item()
    print("%d: loss=%.4f mse=%.4f" % (i_epoch, err.item(), val_score))
