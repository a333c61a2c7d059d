import numpy as np
import torch
from torch import nn
from sklearn.datasets import load_breast_cancer

torch.manual_seed(4)
data, target = load_breast_cancer(return_X_y=True)
data, target = data.astype('float32'), target.astype('int64')
order = torch.randperm(len(data)).numpy()
data, target = data[order], target[order]
train_x, test_x = data[:420], data[420:]
train_y, test_y = target[:420], target[420:]
mean, std = train_x.mean(0), train_x.std(0) + 1e-6
train_x, test_x = (train_x - mean) / std, (test_x - mean) / std
train_x, test_x = torch.tensor(train_x), torch.tensor(test_x)
train_y, test_y = torch.tensor(train_y), torch.tensor(test_y)

net = nn.Sequential(
    nn.Linear(30, 24),
    nn.Tanh(),
    nn.Linear(24, 24),
    nn.Tanh(),
    nn.Linear(24, 2),
)

loss_fn = nn.CrossEntropyLoss()
for layer in net.modules():
    if isinstance(layer, nn.Linear) and layer.out_features == 24:
        nn.init.normal_(layer.weight, std=12.0)
opt = torch.optim.Adam(net.parameters(), lr=0.005)


def fit_epoch():
    net.train()
    for idx in torch.randperm(len(train_x)).split(40):
        inputs, labels = train_x[idx], train_y[idx]
        pred = net(inputs)
        loss = loss_fn(pred, labels)
        opt.zero_grad()
        loss.backward()
        opt.step()
    return loss


def score():
    net.eval()
    with torch.no_grad():
        val_out = net(test_x)
        val_score = (val_out.argmax(1) == test_y).float().mean().item()
    return val_score


for ep in range(12):
    loss = fit_epoch()
    val_score = score()
    print(ep, loss.item(), "accuracy", val_score)
