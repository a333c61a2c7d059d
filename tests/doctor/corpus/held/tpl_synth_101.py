# synth: classification baseline
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import make_classification
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(46)
data, target = make_classification(1200, 20, n_informative=8, n_classes=4, class_sep=1.6, n_clusters_per_class=1, flip_y=0.0, random_state=46)
data, target = data.astype('float32'), target.astype('int64')
order = torch.randperm(len(data)).numpy()
data, target = data[order], target[order]
train_x, test_x = data[:900], data[900:]
train_y, test_y = target[:900], target[900:]
mean, std = train_x.mean(0), train_x.std(0) + 1e-6
train_x, test_x = (train_x - mean) / std, (test_x - mean) / std
train_x, test_x = torch.tensor(train_x), torch.tensor(test_x)
train_y, test_y = torch.tensor(train_y), torch.tensor(test_y)
loader = DataLoader(TensorDataset(train_x, train_y), batch_size=50, shuffle=True)


def make_net():
    layers, width = [], 20
    for size in [32, 32]:
        layers += [nn.Linear(width, size), nn.LayerNorm(size), nn.Tanh()]
        width = size
    layers.append(nn.Linear(width, 4))
    return nn.Sequential(*layers)


net = make_net()

opt = torch.optim.AdamW(net.parameters(), lr=0.005, weight_decay=0.01)
sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, 14)


def fit_epoch():
    net.train()
    for inputs, labels in loader:
        pred = net(inputs)
        loss = F.cross_entropy(pred, labels)
        opt.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 5.0)
        opt.step()
    sched.step()
    return loss


def score():
    net.eval()
    with torch.no_grad():
        val_out = net(test_x)
        val_score = (val_out.argmax(1) == test_y).float().mean().item()
    return val_score


for ep in range(14):
    loss = fit_epoch()
    val_score = score()
    print("%d: loss=%.4f accuracy=%.4f" % (ep, loss.item(), val_score))
