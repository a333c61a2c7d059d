"""Train a small network on quant."""
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import make_gaussian_quantiles

torch.manual_seed(32)
inputs, outputs = make_gaussian_quantiles(n_samples=1200, n_features=4, n_classes=3, random_state=32)
inputs, outputs = inputs.astype('float32'), outputs.astype('int64')
order = torch.randperm(len(inputs)).numpy()
inputs, outputs = inputs[order], outputs[order]
x_fit, x_hold = inputs[:900], inputs[900:]
y_fit, y_hold = outputs[:900], outputs[900:]
mean, std = x_fit.mean(0), x_fit.std(0) + 1e-6
x_fit, x_hold = (x_fit - mean) / std, (x_hold - mean) / std
x_fit, x_hold = torch.tensor(x_fit), torch.tensor(x_hold)
y_fit, y_hold = torch.tensor(y_fit), torch.tensor(y_hold)

f = nn.Sequential(
    nn.Linear(4, 64),
    nn.BatchNorm1d(64),
    nn.ReLU(),
    nn.Linear(64, 3),
    nn.Softmax(dim=1),
)

sgd = torch.optim.SGD(f.parameters(), lr=0.2)


def fit_epoch():
    f.train()
    for idx in torch.randperm(len(x_fit)).split(25):
        x_, y_ = x_fit[idx], y_fit[idx]
        yhat = f(x_)
        J = F.cross_entropy(yhat, y_)
        sgd.zero_grad()
        J.backward()
        sgd.step()
    return J


def score():
    f.eval()
    with torch.no_grad():
        val_out = f(x_hold)
        val_score = (val_out.argmax(1) == y_hold).float().mean().item()
    return val_score


for t in range(30):
    J = fit_epoch()
    val_score = score()
    print(t, J.item(), "accuracy", val_score)
