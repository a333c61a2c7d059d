"""Train a small network on blobs."""
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import make_blobs

torch.manual_seed(5)
data, target = make_blobs(1000, 12, centers=5, cluster_std=4.0, random_state=5)
data, target = data.astype('float32'), target.astype('int64')
order = torch.randperm(len(data)).numpy()
data, target = data[order], target[order]
train_x, test_x = data[:750], data[750:]
train_y, test_y = target[:750], target[750:]
mean, std = train_x.mean(0), train_x.std(0) + 1e-6
train_x, test_x = (train_x - mean) / std, (test_x - mean) / std
train_x, test_x = torch.tensor(train_x), torch.tensor(test_x)
train_y, test_y = torch.tensor(train_y), torch.tensor(test_y)


def make_net():
    layers, width = [], 12
    for size in [48, 48]:
        layers += [nn.Linear(width, size), nn.BatchNorm1d(size), nn.ReLU()]
        width = size
    layers += [nn.Linear(width, 5), nn.LogSoftmax(dim=0)]
    return nn.Sequential(*layers)


net = make_net()

opt = torch.optim.Adagrad(net.parameters(), lr=0.05)
sched = torch.optim.lr_scheduler.ReduceLROnPlateau(opt, factor=0.5, patience=4)

for ep in range(12):
    net.train()
    for start in range(0, len(train_x), 50):
        inputs = train_x[start : start + 50]
        labels = train_y[start : start + 50]
        opt.zero_grad()
        pred = net(inputs)
        loss = F.nll_loss(pred, labels)
        loss.backward()
        opt.step()
    net.eval()
    with torch.no_grad():
        val_out = net(test_x)
        val_score = (val_out.argmax(1) == test_y).float().mean().item()
    sched.step(F.nll_loss(val_out, test_y).item())
    print("%d: loss=%.4f accuracy=%.4f" % (ep, loss.item(), val_score))
