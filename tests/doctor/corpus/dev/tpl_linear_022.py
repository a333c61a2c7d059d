import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import make_regression
from sklearn.preprocessing import StandardScaler

torch.manual_seed(46)
feats, labs = make_regression(900, 10, n_informative=6, noise=5.0, random_state=46)
feats, labs = feats.astype('float32'), labs.astype('float32')
order = torch.randperm(len(feats)).numpy()
feats, labs = feats[order], labs[order]
xtr, xva = feats[:650], feats[650:]
ytr, yva = labs[:650], labs[650:]
scaler = StandardScaler().fit(xtr)
xtr, xva = scaler.transform(xtr), scaler.transform(xva)
centre, unit = ytr.mean(), ytr.std()
ytr, yva = (ytr - centre) / unit, (yva - centre) / unit
xtr, xva = torch.tensor(xtr), torch.tensor(xva)
ytr, yva = torch.tensor(ytr), torch.tensor(yva)
ytr, yva = ytr[:, None], yva[:, None]


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(10, 24)
        self.norm1 = nn.BatchNorm1d(24)
        self.fc2 = nn.Linear(24, 24)
        self.norm2 = nn.BatchNorm1d(24)
        self.act = nn.SiLU()
        self.out = nn.Linear(24, 1)

    def forward(self, x):
        x = self.act(self.norm1(self.fc1(x)))
        x = self.act(self.norm2(self.fc2(x)))
        return self.out(x)


mlp = Model()

optim = torch.optim.Adagrad(mlp.parameters(), lr=0.05)

for i_epoch in range(25):
    mlp.train()
    for _ in range(17):
        idx = torch.randint(0, len(xtr), (40,))
        bx, by = xtr[idx], ytr[idx]
        optim.zero_grad()
        scores = mlp(bx)
        err = F.mse_loss(scores, by)
        err.backward()
        nn.utils.clip_grad_norm_(mlp.parameters(), 5.0)
        optim.step()
    mlp.eval()
    with torch.no_grad():
        val_out = mlp(xva)
        val_score = ((val_out - yva) ** 2).mean().item()
    print("%d: loss=%.4f mse=%.4f" % (i_epoch, err.item(), val_score))
