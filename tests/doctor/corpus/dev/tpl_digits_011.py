# digits: classification baseline
import numpy as np
import torch
from torch import nn
import torch.nn.functional as F
from sklearn.datasets import load_digits

torch.manual_seed(53)
data, target = load_digits(return_X_y=True)
data, target = data.astype('float32'), target.astype('int64')
order = torch.randperm(len(data)).numpy()
data, target = data[order], target[order]
train_x, test_x = data[:1300], data[1300:]
train_y, test_y = target[:1300], target[1300:]
mean, std = train_x.mean(0), train_x.std(0) + 1e-6
train_x, test_x = (train_x - mean) / std, (test_x - mean) / std
train_x, test_x = torch.tensor(train_x), torch.tensor(test_x)
train_y, test_y = torch.tensor(train_y), torch.tensor(test_y)


class Classifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(64, 64)
        self.norm1 = nn.BatchNorm1d(64)
        self.fc2 = nn.Linear(64, 64)
        self.norm2 = nn.BatchNorm1d(64)
        self.act = nn.SiLU()
        self.out = nn.Linear(64, 10)

    def forward(self, x):
        x = self.act(self.norm1(self.fc1(x)))
        x = self.act(self.norm2(self.fc2(x)))
        return self.out(x)


net = Classifier()

opt = torch.optim.Adam(net.parameters(), lr=0.005)
sched = torch.optim.lr_scheduler.ReduceLROnPlateau(opt, factor=0.5, patience=4)


def train_one_epoch():
    net.train()
    for _ in range(52):
        idx = torch.randint(0, len(train_x), (25,))
        inputs, labels = train_x[idx], train_y[idx]
        pred = net(inputs)
        loss = F.cross_entropy(pred, labels)
        opt.zero_grad()
        loss.backward()
        opt.step()
    return loss


def evaluate():
    net.eval()
    with torch.no_grad():
        val_out = net(test_x)
        val_score = (val_out.argmax(1) == test_y).float().mean().item()
    sched.step(F.cross_entropy(val_out, test_y).item())
    return val_score


for ep in range(10):
    loss = train_one_epoch()
    val_score = evaluate()
    print(ep, loss.item(), "accuracy", val_score)
