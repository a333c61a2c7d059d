import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import make_moons

torch.manual_seed(75)
arr, cls = make_moons(1000, noise=0.15, random_state=75)
arr, cls = arr.astype('float32'), cls.astype('float32')
order = torch.randperm(len(arr)).numpy()
arr, cls = arr[order], cls[order]
Xa, Xb = arr[:750], arr[750:]
ya, yb_ = cls[:750], cls[750:]
mean, std = Xa.mean(0), Xa.std(0) + 1e-6
Xa, Xb = (Xa - mean) / std, (Xb - mean) / std
Xa, ya, Xb, yb_ = map(torch.from_numpy, (Xa, ya, Xb, yb_))
ya, yb_ = ya[:, None], yb_[:, None]


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(2, 32)
        self.fc2 = nn.Linear(32, 32)
        self.drop = nn.Dropout(0.1)
        self.act = nn.LeakyReLU()
        self.out = nn.Linear(32, 1)

    def forward(self, x):
        x = self.drop(self.act(self.fc1(x)))
        x = self.drop(self.act(self.fc2(x)))
        return self.out(x)


network = Model()

updater = torch.optim.Adagrad(network.parameters(), lr=0.05)
schedule = torch.optim.lr_scheduler.StepLR(updater, step_size=16, gamma=0.3)


class Trainer:
    """Holds what a training needs."""

    def __init__(self, epochs):
        self.epochs = epochs
        self.history = []

    def run(self):
        for round_ in range(self.epochs):
            network.train()
            for idx in torch.randperm(len(Xa)).split(32):
                batch_x, batch_y = Xa[idx], ya[idx]
                updater.zero_grad()
                logits = network(batch_x)
                batch_loss = F.binary_cross_entropy_with_logits(logits, batch_y)
                batch_loss.backward()
                updater.step()
            schedule.step()
            with torch.no_grad():
                val_out = network(Xb)
                val_score = ((val_out > 0) == (yb_ > 0.5)).float().mean().item()
            self.history.append(val_score)
            print(round_, batch_loss.item(), "accuracy", val_score)
        return self.history


Trainer(25).run()
