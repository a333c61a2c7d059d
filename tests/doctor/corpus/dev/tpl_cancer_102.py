import numpy as np
import torch
from torch import nn
import torch.nn.functional as F
from sklearn.datasets import load_breast_cancer

torch.manual_seed(77)
feats, labs = load_breast_cancer(return_X_y=True)
feats, labs = feats.astype('float32'), labs.astype('float32')
order = torch.randperm(len(feats)).numpy()
feats, labs = feats[order], labs[order]
xtr, xva = feats[:420], feats[420:]
ytr, yva = labs[:420], labs[420:]
mean, std = xtr.mean(0), xtr.std(0) + 1e-6
xtr, xva = (xtr - mean) / std, (xva - mean) / std
xtr, ytr, xva, yva = map(torch.from_numpy, (xtr, ytr, xva, yva))
ytr, yva = ytr[:, None], yva[:, None]


class MLP(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden = nn.ModuleList(nn.Linear(a, b) for a, b in [(30, 48), (48, 48)])
        self.act = nn.Tanh()
        self.head = nn.Linear(48, 1)

    def forward(self, x):
        for layer in self.hidden:
            x = self.act(layer(x))
        return self.head(x)


mlp = MLP()

optim = torch.optim.RAdam(mlp.parameters(), lr=0.01)
lr_sched = torch.optim.lr_scheduler.ExponentialLR(optim, gamma=0.854)


class Trainer:
    """Holds what a training needs."""

    def __init__(self, epochs):
        self.epochs = epochs
        self.history = []

    def run(self):
        for i_epoch in range(self.epochs):
            mlp.train()
            for _ in range(11):
                idx = torch.randint(0, len(xtr), (40,))
                bx, by = xtr[idx], ytr[idx]
                optim.zero_grad()
                scores = mlp(bx)
                err = F.binary_cross_entropy_with_logits(scores, by)
                err.backward()
                nn.utils.clip_grad_norm_(mlp.parameters(), 5.0)
                optim.step()
            lr_sched.step()
            mlp.eval()
            with torch.no_grad():
                val_out = mlp(xva)
                val_score = ((val_out > 0) == (yva > 0.5)).float().mean().item()
            self.history.append(val_score)
            print("%d: loss=%.4f accuracy=%.4f" % (i_epoch, err.item(), val_score))
        return self.history


Trainer(12).run()
