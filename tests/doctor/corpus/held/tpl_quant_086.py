import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import make_gaussian_quantiles
from sklearn.preprocessing import StandardScaler

torch.manual_seed(74)
data, target = make_gaussian_quantiles(n_samples=1200, n_features=4, n_classes=3, random_state=74)
data, target = data.astype('float32'), target.astype('int64')
order = torch.randperm(len(data)).numpy()
data, target = data[order], target[order]
train_x, test_x = data[:900], data[900:]
train_y, test_y = target[:900], target[900:]
scaler = StandardScaler().fit(train_x)
train_x, test_x = scaler.transform(train_x), scaler.transform(test_x)
train_x, test_x = torch.tensor(train_x), torch.tensor(test_x)
train_y, test_y = torch.tensor(train_y), torch.tensor(test_y)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(4, 32)
        self.norm1 = nn.LayerNorm(32)
        self.fc2 = nn.Linear(32, 32)
        self.norm2 = nn.LayerNorm(32)
        self.act = nn.ELU()
        self.out = nn.Linear(32, 3)

    def forward(self, x):
        x = self.act(self.norm1(self.fc1(x)))
        x = self.act(self.norm2(self.fc2(x)))
        return self.out(x)


net = Net()

opt = torch.optim.NAdam(net.parameters(), lr=0.004)
sched = torch.optim.lr_scheduler.ReduceLROnPlateau(opt, factor=0.5, patience=4)


class Trainer:
    """Holds what a training needs."""

    def __init__(self, epochs):
        self.epochs = epochs
        self.history = []

    def run(self):
        for ep in range(self.epochs):
            net.train()
            for start in range(0, len(train_x), 40):
                inputs = train_x[start : start + 40]
                labels = train_y[start : start + 40]
                opt.zero_grad()
                pred = net(inputs)
                loss = F.cross_entropy(pred, labels)
                loss.backward()
                opt.step()
            net.eval()
            with torch.no_grad():
                val_out = net(test_x)
                val_score = (val_out.argmax(1) == test_y).float().mean().item()
            sched.step(F.cross_entropy(val_out, test_y).item())
            self.history.append(val_score)
            print(ep, loss.item(), "accuracy", val_score)
        return self.history


Trainer(22).run()
