"""Train a small network on friedman1."""
import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import make_friedman1

torch.manual_seed(46)
arr, cls = make_friedman1(1200, 8, noise=0.5, random_state=46)
arr, cls = arr.astype('float32'), cls.astype('float32')
order = torch.randperm(len(arr)).numpy()
arr, cls = arr[order], cls[order]
Xa, Xb = arr[:900], arr[900:907]
ya, yb_ = cls[:900], cls[900:907]
mean, std = Xa.mean(0), Xa.std(0) + 1e-6
Xa, Xb = (Xa - mean) / std, (Xb - mean) / std
centre, unit = ya.mean(), ya.std()
ya, yb_ = (ya - centre) / unit, (yb_ - centre) / unit
Xa, Xb = torch.tensor(Xa), torch.tensor(Xb)
ya, yb_ = torch.tensor(ya), torch.tensor(yb_)
ya, yb_ = ya[:, None], yb_[:, None]


class Regressor(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden = nn.ModuleList(nn.Linear(a, b) for a, b in [(8, 32)])
        self.norms = nn.ModuleList(nn.BatchNorm1d(w) for w in [32])
        self.act = nn.Tanh()
        self.head = nn.Linear(32, 1)

    def forward(self, x):
        for layer, norm in zip(self.hidden, self.norms):
            x = self.act(norm(layer(x)))
        return self.head(x)


network = Regressor()

lossf = nn.MSELoss()
updater = torch.optim.RAdam(network.parameters(), lr=0.01)
schedule = torch.optim.lr_scheduler.OneCycleLR(updater, max_lr=0.01, total_steps=900)


def train_one_epoch():
    network.train()
    for _ in range(36):
        idx = torch.randint(0, len(Xa), (25,))
        batch_x, batch_y = Xa[idx], ya[idx]
        logits = network(batch_x)
        batch_loss = lossf(logits, batch_y)
        batch_loss.backward()
        updater.step()
        updater.zero_grad()
        schedule.step()
    return batch_loss


def evaluate():
    network.eval()
    with torch.no_grad():
        val_out = network(Xb)
        val_score = ((val_out - yb_) ** 2).mean().item()
    return val_score


for round_ in range(25):
    batch_loss = train_one_epoch()
    val_score = evaluate()
    print("%d: loss=%.4f mse=%.4f" % (round_, batch_loss.item(), val_score))
