import numpy as np
import torch
from torch import nn
import torch.nn.functional as F
from sklearn.datasets import load_breast_cancer

torch.manual_seed(26)
data, target = load_breast_cancer(return_X_y=True)
data, target = data.astype('float32'), target.astype('float32')
order = torch.randperm(len(data)).numpy()
data, target = data[order], target[order]
train_x, test_x = data[:420], data[420:]
train_y, test_y = target[:420], target[420:]


train_x, train_y, test_x, test_y = map(torch.from_numpy, (train_x, train_y, test_x, test_y))
train_y, test_y = train_y[:, None], test_y[:, None]

net = nn.Sequential(
    nn.Linear(30, 48),
    nn.LeakyReLU(),
    nn.Linear(48, 48),
    nn.LeakyReLU(),
    nn.Linear(48, 1),
)

opt = torch.optim.Adagrad(net.parameters(), lr=0.05)


def train_one_epoch():
    net.train()
    for idx in torch.randperm(len(train_x)).split(40):
        inputs, labels = train_x[idx], train_y[idx]
        pred = net(inputs)
        loss = F.binary_cross_entropy_with_logits(pred, labels)
        loss.backward()
        opt.step()
        opt.zero_grad()
    return loss


def evaluate():
    net.eval()
    with torch.no_grad():
        val_out = net(test_x)
        val_score = ((val_out > 0) == (test_y > 0.5)).float().mean().item()
    return val_score


for ep in range(12):
    loss = train_one_epoch()
    val_score = evaluate()
    print(ep, loss.item(), "accuracy", val_score)
