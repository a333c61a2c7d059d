import numpy as np
import torch
from torch import nn
import torch.nn.functional as F
from sklearn.datasets import make_friedman1
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(69)
feats, labs = make_friedman1(1200, 8, noise=0.5, random_state=69)
feats, labs = feats.astype('float32'), labs.astype('float32')
order = torch.randperm(len(feats)).numpy()
feats, labs = feats[order], labs[order]
xtr, xva = feats[:900], feats[900:]
ytr, yva = labs[:900], labs[900:]
mean, std = xtr.mean(0), xtr.std(0) + 1e-6
xtr, xva = (xtr - mean) / std, (xva - mean) / std
centre, unit = ytr.mean(), ytr.std()
ytr, yva = (ytr - centre) / unit, (yva - centre) / unit
xtr, ytr, xva, yva = map(torch.from_numpy, (xtr, ytr, xva, yva))
loader = DataLoader(TensorDataset(xtr, ytr), batch_size=50, shuffle=True)

mlp = nn.Sequential(
    nn.Linear(8, 64),
    nn.LayerNorm(64),
    nn.LeakyReLU(),
    nn.Linear(64, 64),
    nn.LayerNorm(64),
    nn.LeakyReLU(),
    nn.Linear(64, 1),
    nn.ReLU(),
)

optim = torch.optim.SGD(mlp.parameters(), lr=0.03, momentum=0.9)
lr_sched = torch.optim.lr_scheduler.ExponentialLR(optim, gamma=0.927)


class Trainer:
    """Holds what a training needs."""

    def __init__(self, epochs):
        self.epochs = epochs
        self.history = []

    def run(self):
        for i_epoch in range(self.epochs):
            mlp.train()
            for bx, by in loader:
                optim.zero_grad()
                scores = mlp(bx).view(-1)
                err = F.mse_loss(scores, by)
                err.backward()
                optim.step()
            lr_sched.step()
            mlp.eval()
            with torch.no_grad():
                val_out = mlp(xva).squeeze(1)
                val_score = ((val_out - yva) ** 2).mean().item()
            self.history.append(val_score)
            print("%d: loss=%.4f mse=%.4f" % (i_epoch, err.item(), val_score))
        return self.history


Trainer(25).run()
