"""Train a small network on friedman2."""
import numpy as np
import torch
from torch import nn
import torch.nn.functional as F
from sklearn.datasets import make_friedman2
from sklearn.preprocessing import StandardScaler

torch.manual_seed(2)
data, target = make_friedman2(1200, noise=20.0, random_state=2)
data, target = data.astype('float32'), target.astype('float32')
order = torch.randperm(len(data)).numpy()
data, target = data[order], target[order]
train_x, test_x = data[:900], data[900:]
train_y, test_y = target[:900], target[900:]
scaler = StandardScaler().fit(train_x)
train_x, test_x = scaler.transform(train_x), scaler.transform(test_x)
centre, unit = train_y.mean(), train_y.std()
train_y, test_y = (train_y - centre) / unit, (test_y - centre) / unit
train_x, train_y, test_x, test_y = map(torch.from_numpy, (train_x, train_y, test_x, test_y))


def make_net():
    layers, width = [], 4
    for size in [24, 24]:
        layers += [nn.Linear(width, size), nn.ELU()]
        width = size
    layers.append(nn.Linear(width, 1))
    return nn.Sequential(*layers)


net = make_net()

opt = torch.optim.AdamW(net.parameters(), lr=0.005, weight_decay=0.01)
sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, 25)


def fit_epoch():
    for start in range(0, len(train_x), 32):
        inputs = train_x[start : start + 32]
        labels = train_y[start : start + 32]
        opt.zero_grad()
        pred = net(inputs).squeeze(1)
        loss = F.mse_loss(pred, labels)
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 5.0)
        opt.step()
    sched.step()
    return loss


def score():
    with torch.no_grad():
        val_out = net(test_x).squeeze(1)
        val_score = ((val_out - test_y) ** 2).mean().item()
    return val_score


for ep in range(25):
    loss = fit_epoch()
    val_score = score()
    print(ep, loss.item(), "mse", val_score)
