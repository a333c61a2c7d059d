import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import make_s_curve

torch.manual_seed(13)
arr, cls = make_s_curve(1000, noise=0.1, random_state=13)
arr, cls = arr.astype('float32'), cls.astype('float32')
order = torch.randperm(len(arr)).numpy()
arr, cls = arr[order], cls[order]
Xa, Xb = arr[:750], arr[750:]
ya, yb_ = cls[:750], cls[750:]
mean, std = Xa.mean(0), Xa.std(0) + 1e-6
Xa, Xb = (Xa - mean) / std, (Xb - mean) / std
centre, unit = ya.mean(), ya.std()
ya, yb_ = (ya - centre) / unit, (yb_ - centre) / unit
Xa, ya, Xb, yb_ = map(torch.from_numpy, (Xa, ya, Xb, yb_))


def make_net():
    layers, width = [], 3
    for size in [48, 48]:
        layers += [nn.Linear(width, size), nn.BatchNorm1d(size), nn.ELU()]
        width = size
    layers.append(nn.Linear(width, 1))
    return nn.Sequential(*layers)


network = make_net()

lossf = nn.MSELoss()
updater = torch.optim.AdamW(network.parameters(), lr=0.005, weight_decay=0.01)
schedule = torch.optim.lr_scheduler.CosineAnnealingLR(updater, 25)


def train_one_epoch():
    network.train()
    for start in range(0, len(Xa), 40):
        batch_x = Xa[start : start + 40]
        batch_y = ya[start : start + 40]
        logits = network(batch_x).squeeze(-1)
        batch_loss = lossf(logits, batch_y)
        updater.zero_grad()
        batch_loss.backward()
        updater.step()
    schedule.step()
    return batch_loss


def evaluate():
    network.eval()
    with torch.no_grad():
        val_out = network(Xb).squeeze(1)
        val_score = ((val_out - yb_) ** 2).mean().item()
    return val_score


for round_ in range(25):
    batch_loss = train_one_epoch()
    val_score = evaluate()
    print(round_, batch_loss.item(), "mse", val_score)
