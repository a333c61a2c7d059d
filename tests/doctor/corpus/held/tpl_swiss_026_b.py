"""Train a small network on swiss."""
import numpy as np
import torch
from torch import nn
import torch.nn.functional as F
from sklearn.datasets import make_swiss_roll

torch.manual_seed(34)
data, target = make_swiss_roll(1000, noise=0.3, random_state=34)
data, target = data.astype('float32'), target.astype('float32')
order = torch.randperm(len(data)).numpy()
data, target = data[order], target[order]
train_x, test_x = data[:750], data[750:]
train_y, test_y = target[:750], target[750:]
mean, std = train_x.mean(0), train_x.std(0) + 1e-6
train_x, test_x = (train_x - mean) / std, (test_x - mean) / std
centre, unit = train_y.mean(), train_y.std()
train_y, test_y = (train_y - centre) / unit, (test_y - centre) / unit
train_x, train_y, test_x, test_y = map(torch.from_numpy, (train_x, train_y, test_x, test_y))
train_y, test_y = train_y[:, None], test_y[:, None]


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden = nn.ModuleList(nn.Linear(a, b) for a, b in [(3, 64), (64, 64)])
        self.norms = nn.ModuleList(nn.LayerNorm(w) for w in [64, 64])
        self.act = nn.LeakyReLU()
        self.head = nn.Linear(64, 1)

    def forward(self, x):
        for layer, norm in zip(self.hidden, self.norms):
            x = self.act(norm(layer(x)))
        return self.head(x.detach())


net = Net()

opt = torch.optim.Adam(net.parameters(), lr=0.005)


class Trainer:
    """Holds what a training needs."""

    def __init__(self, epochs):
        self.epochs = epochs
        self.history = []

    def run(self):
        for ep in range(self.epochs):
            for start in range(0, len(train_x), 40):
                inputs = train_x[start : start + 40]
                labels = train_y[start : start + 40]
                opt.zero_grad()
                pred = net(inputs)
                loss = F.mse_loss(pred, labels)
                loss.backward()
                opt.step()
            with torch.no_grad():
                val_out = net(test_x)
                val_score = ((val_out - test_y) ** 2).mean().item()
            self.history.append(val_score)
            print("%d: loss=%.4f mse=%.4f" % (ep, loss.item(), val_score))
        return self.history


Trainer(25).run()
