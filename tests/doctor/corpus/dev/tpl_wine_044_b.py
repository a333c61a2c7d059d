"""Train a small network on wine."""
import numpy as np
import torch
from torch import nn
from sklearn.datasets import load_wine

torch.manual_seed(57)
arr, cls = load_wine(return_X_y=True)
arr, cls = arr.astype('float32'), cls.astype('int64')
order = torch.randperm(len(arr)).numpy()
arr, cls = arr[order], cls[order]
Xa, Xb = arr[:130], arr[130:]
ya, yb_ = cls[:130], cls[130:]
mean, std = Xa.mean(0), Xa.std(0) + 1e-6
Xa, Xb = (Xa - mean) / std, (Xb - mean) / std
Xa, Xb = torch.tensor(Xa), torch.tensor(Xb)
ya, yb_ = torch.tensor(ya), torch.tensor(yb_)


class Classifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(13, 32)
        self.norm1 = nn.LayerNorm(32)
        self.act = nn.SiLU()
        self.out = nn.Linear(32, 3)

    def forward(self, x):
        x = self.act(self.norm1(self.fc1(x)))
        return self.out(x)


network = Classifier()

lossf = nn.CrossEntropyLoss()
updater = torch.optim.RAdam(network.parameters(), lr=0.01)


class Trainer:
    """Holds what a training needs."""

    def __init__(self, epochs):
        self.epochs = epochs
        self.history = []

    def run(self):
        for round_ in range(self.epochs):
            network.train()
            for idx in torch.randperm(len(Xa)).split(25):
                batch_x, batch_y = Xa[idx], ya[idx]
                logits = network(batch_x)
                batch_loss = lossf(logits, batch_y)
                batch_loss.backward()
                updater.step()
            network.eval()
            with torch.no_grad():
                val_out = network(Xb)
                val_score = (val_out.argmax(1) == yb_).float().mean().item()
            self.history.append(val_score)
            print(round_, batch_loss.item(), "accuracy", val_score)
        return self.history


Trainer(25).run()
