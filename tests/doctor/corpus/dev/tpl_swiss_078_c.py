import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import make_swiss_roll

torch.manual_seed(48)
inputs, outputs = make_swiss_roll(1000, noise=0.3, random_state=48)
inputs, outputs = inputs.astype('float32'), outputs.astype('float32')
order = torch.randperm(len(inputs)).numpy()
inputs, outputs = inputs[order], outputs[order]
x_fit, x_hold = inputs[:750], inputs[750:]
y_fit, y_hold = outputs[:750], outputs[750:]
mean, std = x_fit.mean(0), x_fit.std(0) + 1e-6
x_fit, x_hold = (x_fit - mean) / std, (x_hold - mean) / std
centre, unit = y_fit.mean(), y_fit.std()
y_fit, y_hold = (y_fit - centre) / unit, (y_hold - centre) / unit
x_fit, x_hold = torch.tensor(x_fit), torch.tensor(x_hold)
y_fit, y_hold = torch.tensor(y_fit), torch.tensor(y_hold)
y_fit, y_hold = y_fit[:, None], y_hold[:, None]


class Regressor(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(3, 24)
        self.norm1 = nn.BatchNorm1d(24)
        self.fc2 = nn.Linear(24, 24)
        self.norm2 = nn.BatchNorm1d(24)
        self.act = nn.ELU()
        self.out = nn.Linear(24, 1)

    def forward(self, x):
        x = self.act(self.norm1(self.fc1(x)))
        x = self.act(self.norm2(self.fc2(x)))
        return self.out(x)


f = Regressor()

sgd = torch.optim.RMSprop(f.parameters(), lr=0.002)
decay = torch.optim.lr_scheduler.LambdaLR(sgd, lambda step: min(1.0, (step + 1) / 30))


def train():
    for idx in torch.randperm(len(x_fit)).split(25):
        x_, y_ = x_fit[idx], y_fit[idx]
        sgd.zero_grad()
        yhat = f(x_)
        J = F.mse_loss(yhat, y_)
        J.backward()
        sgd.step()
        decay.step()
    return J


def test():
    f.eval()
    with torch.no_grad():
        val_out = f(x_hold)
        val_score = ((val_out - y_hold) ** 2).mean().item()
    return val_score


for t in range(25):
    J = train()
    val_score = test()
    print(f"{t} loss {J.item():.4f} val mse {val_score:.4f}")
