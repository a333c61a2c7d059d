"""Train a small network on cancer."""
import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import load_breast_cancer
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(13)
inputs, outputs = load_breast_cancer(return_X_y=True)
inputs, outputs = inputs.astype('float32'), outputs.astype('float32')
order = torch.randperm(len(inputs)).numpy()
inputs, outputs = inputs[order], outputs[order]
x_fit, x_hold = inputs[:420], inputs[420:]
y_fit, y_hold = outputs[:420], outputs[420:]
mean, std = x_fit.mean(0), x_fit.std(0) + 1e-6
x_fit, x_hold = (x_fit - mean) / std, (x_hold - mean) / std
x_fit, x_hold = torch.tensor(x_fit), torch.tensor(x_hold)
y_fit, y_hold = torch.tensor(y_fit), torch.tensor(y_hold)
y_fit, y_hold = y_fit[:, None], y_hold[:, None]
loader = DataLoader(TensorDataset(x_fit, y_fit), batch_size=32, shuffle=True)


def make_net():
    layers, width = [], 30
    for size in [24]:
        layers += [nn.Linear(width, size), nn.ReLU()]
        width = size
    layers.append(nn.Linear(width, 1))
    return nn.Sequential(*layers)


f = make_net()

cost = nn.BCEWithLogitsLoss()
sgd = torch.optim.Adam(f.parameters(), lr=0.005)


class Trainer:
    """Holds what a training needs."""

    def __init__(self, epochs):
        self.epochs = epochs
        self.history = []

    def run(self):
        for t in range(self.epochs):
            f.train()
            for x_, y_ in loader:
                yhat = f(x_)
                J = cost(yhat, y_)
                sgd.zero_grad()
                J.backward()
                sgd.step()
            f.eval()
            with torch.no_grad():
                val_out = f(x_hold)
                val_score = ((val_out > 0) == (y_hold > 0.5)).float().mean().item()
            self.history.append(val_score)
            print("%d: loss=%.4f accuracy=%.4f" % (t, J.item(), val_score))
        return self.history


Trainer(12).run()
