"""Train a small network on quant."""
import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import make_gaussian_quantiles

torch.manual_seed(4)
data, target = make_gaussian_quantiles(n_samples=1200, n_features=4, n_classes=3, random_state=4)
data, target = data.astype('float32'), target.astype('int64')
order = torch.randperm(len(data)).numpy()
data, target = data[order], target[order]
train_x, test_x = data[:900], data[900:]
train_y, test_y = target[:900], target[900:]
mean, std = train_x.mean(0), train_x.std(0) + 1e-6
train_x, test_x = (train_x - mean) / std, (test_x - mean) / std
train_x, test_x = torch.tensor(train_x), torch.tensor(test_x)
train_y, test_y = torch.tensor(train_y), torch.tensor(test_y)


class Classifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(4, 32)
        self.norm1 = nn.LayerNorm(32)
        self.fc2 = nn.Linear(32, 32)
        self.norm2 = nn.LayerNorm(32)
        self.act = nn.SiLU()
        self.out = nn.Linear(32, 3)

    def forward(self, x):
        x = self.act(self.norm1(self.fc1(x)))
        x = self.act(self.norm2(self.fc2(x)))
        return self.out(x)


net = Classifier()

loss_fn = nn.CrossEntropyLoss()
opt = torch.optim.SGD(net.parameters(), lr=0.2)
sched = torch.optim.lr_scheduler.ExponentialLR(opt, gamma=0.939)


def train_one_epoch():
    for idx in torch.randperm(len(train_x)).split(40):
        inputs, labels = train_x[idx], train_y[idx]
        pred = net(inputs)
        loss = loss_fn(pred, labels)
        opt.zero_grad()
        loss.backward()
        opt.step()
    sched.step()
    return loss


def evaluate():
    with torch.no_grad():
        val_out = net(test_x)
        val_score = (val_out.argmax(1) == test_y).float().mean().item()
    return val_score


for ep in range(30):
    loss = train_one_epoch()
    val_score = evaluate()
    print(ep, loss.item(), "accuracy", val_score)
