"""Train a small network on linear."""
import numpy as np
import torch
from torch import nn
import torch.nn.functional as F
from sklearn.datasets import make_regression

torch.manual_seed(12)
arr, cls = make_regression(900, 10, n_informative=6, noise=5.0, random_state=12)
arr, cls = arr.astype('float32'), cls.astype('float32')
order = torch.randperm(len(arr)).numpy()
arr, cls = arr[order], cls[order]
Xa, Xb = arr[:650], arr[650:]
ya, yb_ = cls[:650], cls[650:]
mean, std = Xa.mean(0), Xa.std(0) + 1e-6
Xa, Xb = (Xa - mean) / std, (Xb - mean) / std
centre, unit = ya.mean(), ya.std()
ya, yb_ = (ya - centre) / unit, (yb_ - centre) / unit
Xa, Xb = torch.tensor(Xa), torch.tensor(Xb)
ya, yb_ = torch.tensor(ya), torch.tensor(yb_)
ya, yb_ = ya[:, None], yb_[:, None]

network = nn.Sequential(
    nn.Linear(10, 48),
    nn.SiLU(),
    nn.Linear(48, 1),
)

updater = torch.optim.RMSprop(network.parameters(), lr=0.002)
schedule = torch.optim.lr_scheduler.CosineAnnealingLR(updater, 25)


def train():
    for idx in torch.randperm(len(Xa)).split(40):
        batch_x, batch_y = Xa[idx], ya[idx]
        logits = network(batch_x)
        batch_loss = F.mse_loss(logits, batch_y)
        batch_loss.backward()
        updater.step()
        updater.zero_grad()
    schedule.step()
    return batch_loss


def test():
    with torch.no_grad():
        val_out = network(Xb)
        val_score = ((val_out - yb_) ** 2).mean().item()
    return val_score


for round_ in range(25):
    batch_loss = train()
    val_score = test()
    print(round_, batch_loss.item(), "mse", val_score)
