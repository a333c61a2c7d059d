"""Train a small network on friedman2."""
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import make_friedman2

torch.manual_seed(26)
inputs, outputs = make_friedman2(1200, noise=20.0, random_state=26)
inputs, outputs = inputs.astype('float32'), outputs.astype('float32')
order = torch.randperm(len(inputs)).numpy()
inputs, outputs = inputs[order], outputs[order]
x_fit, x_hold = inputs[:900], inputs[900:]
y_fit, y_hold = outputs[:900], outputs[900:]
mean, std = x_fit.mean(0), x_fit.std(0) + 1e-6
x_fit, x_hold = (x_fit - mean) / std, (x_hold - mean) / std
centre, unit = y_fit.mean(), y_fit.std()
y_fit, y_hold = (y_fit - centre) / unit, (y_hold - centre) / unit
x_fit, x_hold = torch.tensor(x_fit), torch.tensor(x_hold)
y_fit, y_hold = torch.tensor(y_fit), torch.tensor(y_hold)
y_fit, y_hold = y_fit[:, None], y_hold[:, None]


def make_net():
    layers, width = [], 4
    for size in [64]:
        layers += [nn.Linear(width, size), nn.Tanh(), nn.Dropout(0.1)]
        width = size
    layers.append(nn.Linear(width, 1))
    return nn.Sequential(*layers)


f = make_net()

sgd = torch.optim.RMSprop(f.parameters(), lr=0.002)

for t in range(25):
    f.train()
    for idx in torch.randperm(len(x_fit)).split(50):
        x_, y_ = x_fit[idx], y_fit[idx]
        sgd.zero_grad()
        yhat = f(x_)
        J = F.mse_loss(yhat, y_)
        J.backward()
    f.eval()
    with torch.no_grad():
        val_out = f(x_hold)
        val_score = ((val_out - y_hold) ** 2).mean().item()
    print(f"{t} loss {J.item():.4f} val mse {val_score:.4f}")
