import numpy as np
import torch
from torch import nn
import torch.nn.functional as F
from sklearn.datasets import make_moons

torch.manual_seed(20)
arr, cls = make_moons(1000, noise=0.15, random_state=20)
arr, cls = arr.astype('float32'), cls.astype('float32')
order = torch.randperm(len(arr)).numpy()
arr, cls = arr[order], cls[order]
Xa, Xb = arr[:750], arr[750:]
ya, yb_ = cls[:750], cls[750:]
mean, std = Xa.mean(0), Xa.std(0) + 1e-6
Xa, Xb = (Xa - mean) / std, (Xb - mean) / std
Xa, Xb = torch.tensor(Xa), torch.tensor(Xb)
ya, yb_ = torch.tensor(ya), torch.tensor(yb_)
ya, yb_ = ya[:, None], yb_[:, None]


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden = nn.ModuleList(nn.Linear(a, b) for a, b in [(2, 24), (24, 24)])
        self.norms = nn.ModuleList(nn.BatchNorm1d(w) for w in [24, 24])
        self.act = nn.GELU()
        self.head = nn.Linear(24, 1)

    def forward(self, x):
        for layer, norm in zip(self.hidden, self.norms):
            x = self.act(norm(layer(x)))
        return self.head(x)


network = Net()

updater = torch.optim.Adagrad(network.parameters(), lr=1e-7)
schedule = torch.optim.lr_scheduler.ReduceLROnPlateau(updater, factor=0.5, patience=4)


class Trainer:
    """Holds what a training needs."""

    def __init__(self, epochs):
        self.epochs = epochs
        self.history = []

    def run(self):
        for round_ in range(self.epochs):
            network.train()
            for start in range(0, len(Xa), 25):
                batch_x = Xa[start : start + 25]
                batch_y = ya[start : start + 25]
                logits = network(batch_x)
                batch_loss = F.binary_cross_entropy_with_logits(logits, batch_y)
                updater.zero_grad()
                batch_loss.backward()
                nn.utils.clip_grad_norm_(network.parameters(), 5.0)
                updater.step()
            network.eval()
            with torch.no_grad():
                val_out = network(Xb)
                val_score = ((val_out > 0) == (yb_ > 0.5)).float().mean().item()
            schedule.step(F.binary_cross_entropy_with_logits(val_out, yb_).item())
            self.history.append(val_score)
            print(f"{round_} loss {batch_loss.item():.4f} val accuracy {val_score:.4f}")
        return self.history


Trainer(25).run()
