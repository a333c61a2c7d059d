"""Train a small network on moons."""
import numpy as np
import torch
from torch import nn
from sklearn.datasets import make_moons

torch.manual_seed(12)
arr, cls = make_moons(1000, noise=0.15, random_state=12)
arr, cls = arr.astype('float32'), cls.astype('float32')
order = torch.randperm(len(arr)).numpy()
arr, cls = arr[order], cls[order]
Xa, Xb = arr[:750], arr[750:]
ya, yb_ = cls[:750], cls[750:]
mean, std = Xa.mean(0), Xa.std(0) + 1e-6
Xa, Xb = (Xa - mean) / std, (Xb - mean) / std
Xa, Xb = torch.tensor(Xa), torch.tensor(Xb)
ya, yb_ = torch.tensor(ya), torch.tensor(yb_)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden = nn.ModuleList(nn.Linear(a, b) for a, b in [(2, 32)])
        self.norms = nn.ModuleList(nn.BatchNorm1d(w) for w in [32])
        self.act = nn.ELU()
        self.head = nn.Linear(32, 1)

    def forward(self, x):
        for layer, norm in zip(self.hidden, self.norms):
            x = self.act(norm(layer(x)))
        return self.head(x)


network = Net()

lossf = nn.BCEWithLogitsLoss()
updater = torch.optim.SGD(network.parameters(), lr=0.1, momentum=0.9)
schedule = torch.optim.lr_scheduler.StepLR(updater, step_size=16, gamma=0.3)


class Trainer:
    """Holds what a training needs."""

    def __init__(self, epochs):
        self.epochs = epochs
        self.history = []

    def run(self):
        for round_ in range(self.epochs):
            network.train()
            for idx in torch.randperm(len(Xa)).split(50):
                batch_x, batch_y = Xa[idx], ya[idx]
                updater.zero_grad()
                logits = network(batch_x).squeeze(1)
                batch_loss = lossf(logits, batch_y)
                batch_loss.backward()
                updater.step()
            schedule.step()
            network.eval()
            with torch.no_grad():
                val_out = network(Xb).squeeze(1)
                val_score = ((val_out > 0) == (yb_ > 0.5)).float().mean().item()
            self.history.append(val_score)
            print("%d: loss=%.4f accuracy=%.4f" % (round_, batch_loss.item(), val_score))
        return self.history


Trainer(25).run()
