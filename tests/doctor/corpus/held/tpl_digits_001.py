"""Train a small network on digits."""
import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from sklearn.preprocessing import StandardScaler

torch.manual_seed(97)
data, target = load_digits(return_X_y=True)
data, target = data.astype('float32'), target.astype('int64')
order = torch.randperm(len(data)).numpy()
data, target = data[order], target[order]
train_x, test_x = data[:1300], data[1300:]
train_y, test_y = target[:1300], target[1300:]
scaler = StandardScaler().fit(train_x)
train_x, test_x = scaler.transform(train_x), scaler.transform(test_x)
train_x, train_y, test_x, test_y = map(torch.from_numpy, (train_x, train_y, test_x, test_y))


def make_net():
    layers, width = [], 64
    for size in [32, 32]:
        layers += [nn.Linear(width, size), nn.BatchNorm1d(size), nn.ELU()]
        width = size
    layers.append(nn.Linear(width, 10))
    return nn.Sequential(*layers)


net = make_net()

loss_fn = nn.CrossEntropyLoss()
opt = torch.optim.RMSprop(net.parameters(), lr=0.002)


def train():
    net.train()
    for idx in torch.randperm(len(train_x)).split(32):
        inputs, labels = train_x[idx], train_y[idx]
        pred = net(inputs)
        loss = loss_fn(pred, labels)
        opt.zero_grad()
        loss.backward()
        opt.step()
    return loss


def test():
    net.eval()
    with torch.no_grad():
        val_out = net(test_x)
        val_score = (val_out.argmax(1) == test_y).float().mean().item()
    return val_score


for ep in range(10):
    loss = train()
    val_score = test()
    print(f"{ep} loss {loss.item():.4f} val accuracy {val_score:.4f}")
