import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import make_blobs
from sklearn.preprocessing import StandardScaler

torch.manual_seed(4)
feats, labs = make_blobs(1000, 12, centers=5, cluster_std=4.0, random_state=4)
feats, labs = feats.astype('float32'), labs.astype('int64')
order = torch.randperm(len(feats)).numpy()
feats, labs = feats[order], labs[order]
xtr, xva = feats[:750], feats[750:]
ytr, yva = labs[:750], labs[750:]
scaler = StandardScaler().fit(xtr)
xtr, xva = scaler.transform(xtr), scaler.transform(xva)
xtr, ytr, xva, yva = map(torch.from_numpy, (xtr, ytr, xva, yva))


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(12, 32)
        self.drop = nn.Dropout(0.1)
        self.act = nn.LeakyReLU()
        self.out = nn.Linear(32, 5)

    def forward(self, x):
        x = self.drop(self.act(self.fc1(x)))
        return self.out(x)


mlp = Model()

objective = nn.CrossEntropyLoss()
optim = torch.optim.Adam(mlp.parameters(), lr=0.005)


def fit_epoch():
    mlp.train()
    for start in range(0, len(xtr), 32):
        bx = xtr[start : start + 32]
        by = ytr[start : start + 32]
        scores = mlp(bx)
        err = objective(scores, by)
        optim.zero_grad()
        err.backward()
        optim.step()
    return err


def score():
    mlp.eval()
    with torch.no_grad():
        val_out = mlp(xva)
        val_score = (val_out.argmax(1) == yva).float().mean().item()
    return val_score


for i_epoch in range(12):
    err = fit_epoch()
    val_score = score()
    print(i_epoch, err.item(), "accuracy", val_score)
