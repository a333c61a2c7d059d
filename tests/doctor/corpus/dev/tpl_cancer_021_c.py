import numpy as np
import torch
from torch import nn
import torch.nn.functional as F
from sklearn.datasets import load_breast_cancer
from sklearn.preprocessing import StandardScaler

torch.manual_seed(32)
data, target = load_breast_cancer(return_X_y=True)
data, target = data.astype('float32'), target.astype('float32')
order = torch.randperm(len(data)).numpy()
data, target = data[order], target[order]
train_x, test_x = data[:420], data[420:]
train_y, test_y = target[:420], target[420:]
scaler = StandardScaler().fit(train_x)
train_x, test_x = scaler.transform(train_x), scaler.transform(test_x)
train_x, test_x = torch.tensor(train_x), torch.tensor(test_x)
train_y, test_y = torch.tensor(train_y), torch.tensor(test_y)


def make_net():
    layers, width = [], 30
    for size in [48]:
        layers += [nn.Linear(width, size), nn.ELU()]
        width = size
    layers.append(nn.Linear(width, 1))
    return nn.Sequential(*layers)


net = make_net()

opt = torch.optim.NAdam(net.parameters(), lr=1e-7)
sched = torch.optim.lr_scheduler.StepLR(opt, step_size=8, gamma=0.3)


class Trainer:
    """Holds what a training needs."""

    def __init__(self, epochs):
        self.epochs = epochs
        self.history = []

    def run(self):
        for ep in range(self.epochs):
            for _ in range(11):
                idx = torch.randint(0, len(train_x), (40,))
                inputs, labels = train_x[idx], train_y[idx]
                pred = net(inputs).squeeze(-1)
                loss = F.binary_cross_entropy_with_logits(pred, labels)
                opt.zero_grad()
                loss.backward()
                opt.step()
            sched.step()
            with torch.no_grad():
                val_out = net(test_x).squeeze(1)
                val_score = ((val_out > 0) == (test_y > 0.5)).float().mean().item()
            self.history.append(val_score)
            print(ep, loss.item(), "accuracy", val_score)
        return self.history


Trainer(12).run()
