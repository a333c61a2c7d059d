"""Train a small network on linear."""
import numpy as np
import torch
from torch import nn
import torch.nn.functional as F
from sklearn.datasets import make_regression

torch.manual_seed(98)
inputs, outputs = make_regression(900, 10, n_informative=6, noise=5.0, random_state=98)
inputs, outputs = inputs.astype('float32'), outputs.astype('float32')
order = torch.randperm(len(inputs)).numpy()
inputs, outputs = inputs[order], outputs[order]
x_fit, x_hold = inputs[:650], inputs[650:]
y_fit, y_hold = outputs[:650], outputs[650:]
mean, std = x_fit.mean(0), x_fit.std(0) + 1e-6
x_fit, x_hold = (x_fit - mean) / std, (x_hold - mean) / std
centre, unit = y_fit.mean(), y_fit.std()
y_fit, y_hold = (y_fit - centre) / unit, (y_hold - centre) / unit
x_fit, x_hold = torch.tensor(x_fit), torch.tensor(x_hold)
y_fit, y_hold = torch.tensor(y_fit), torch.tensor(y_hold)


class MLP(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(10, 64)
        self.norm1 = nn.BatchNorm1d(64)
        self.act = nn.ReLU()
        self.out = nn.Linear(64, 1)

    def forward(self, x):
        x = self.act(self.norm1(self.fc1(x)))
        return self.out(x)


f = MLP()

sgd = torch.optim.SGD(f.parameters(), lr=0.05)


def fit_epoch():
    f.train()
    for _ in range(13):
        idx = torch.randint(0, len(x_fit), (50,))
        x_, y_ = x_fit[idx], y_fit[idx]
        yhat = f(x_).squeeze(-1)
        J = F.mse_loss(yhat, y_)
        J.backward()
        sgd.step()
        sgd.zero_grad()
    return J


def score():
    f.eval()
    with torch.no_grad():
        val_out = f(x_hold).squeeze(1)
        val_score = ((val_out - y_hold) ** 2).mean().item()
    return val_score


for t in range(1):
    J = fit_epoch()
    val_score = score()
    print("%d: loss=%.4f mse=%.4f" % (t, J.item(), val_score))
