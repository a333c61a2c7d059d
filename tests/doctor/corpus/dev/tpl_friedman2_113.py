import numpy as np
import torch
from torch import nn
from sklearn.datasets import make_friedman2

torch.manual_seed(8)
inputs, outputs = make_friedman2(1200, noise=20.0, random_state=8)
inputs, outputs = inputs.astype('float32'), outputs.astype('float32')
order = torch.randperm(len(inputs)).numpy()
inputs, outputs = inputs[order], outputs[order]
x_fit, x_hold = inputs[:900], inputs[900:]
y_fit, y_hold = outputs[:900], outputs[900:]
mean, std = x_fit.mean(0), x_fit.std(0) + 1e-6
x_fit, x_hold = (x_fit - mean) / std, (x_hold - mean) / std
centre, unit = y_fit.mean(), y_fit.std()
y_fit, y_hold = (y_fit - centre) / unit, (y_hold - centre) / unit
x_fit, y_fit, x_hold, y_hold = map(torch.from_numpy, (x_fit, y_fit, x_hold, y_hold))

f = nn.Sequential(
    nn.Linear(4, 24),
    nn.LayerNorm(24),
    nn.ReLU(),
    nn.Linear(24, 24),
    nn.LayerNorm(24),
    nn.ReLU(),
    nn.Linear(24, 1),
)

cost = nn.MSELoss()
sgd = torch.optim.Adagrad(f.parameters(), lr=0.05)

for t in range(25):
    f.train()
    for idx in torch.randperm(len(x_fit)).split(25):
        x_, y_ = x_fit[idx], y_fit[idx]
        sgd.zero_grad()
        yhat = f(x_).squeeze(-1)
        J = cost(yhat, y_)
        J.backward()
        sgd.step()
    f.eval()
    with torch.no_grad():
        val_out = f(x_hold).squeeze(1)
        val_score = ((val_out - y_hold) ** 2).mean().item()
    print(t, J.item(), "mse", val_score)
