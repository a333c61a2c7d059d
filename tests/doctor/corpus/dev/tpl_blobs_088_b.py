import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import make_blobs

torch.manual_seed(62)
inputs, outputs = make_blobs(1000, 12, centers=5, cluster_std=4.0, random_state=62)
inputs, outputs = inputs.astype('float32'), outputs.astype('int64')
order = torch.randperm(len(inputs)).numpy()
inputs, outputs = inputs[order], outputs[order]
x_fit, x_hold = inputs[:750], inputs[750:]
y_fit, y_hold = outputs[:750], outputs[750:]
mean, std = x_fit.mean(0), x_fit.std(0) + 1e-6
x_fit, x_hold = (x_fit - mean) / std, (x_hold - mean) / std
x_fit, x_hold = torch.tensor(x_fit), torch.tensor(x_hold)
y_fit, y_hold = torch.tensor(y_fit), torch.tensor(y_hold)


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden = nn.ModuleList(nn.Linear(a, b) for a, b in [(12, 48), (48, 48)])
        self.norms = nn.ModuleList(nn.BatchNorm1d(w) for w in [48, 48])
        self.act = nn.GELU()
        self.head = nn.Linear(48, 5)

    def forward(self, x):
        for layer, norm in zip(self.hidden, self.norms):
            x = self.act(norm(layer(x)))
        return nn.Softmax(dim=1)(self.head(x))


f = Model()

sgd = torch.optim.NAdam(f.parameters(), lr=0.004)


def train():
    f.train()
    for _ in range(24):
        idx = torch.randint(0, len(x_fit), (32,))
        x_, y_ = x_fit[idx], y_fit[idx]
        sgd.zero_grad()
        yhat = f(x_)
        J = F.cross_entropy(yhat, y_)
        J.backward()
        sgd.step()
    return J


def test():
    f.eval()
    with torch.no_grad():
        val_out = f(x_hold)
        val_score = (val_out.argmax(1) == y_hold).float().mean().item()
    return val_score


for t in range(12):
    J = train()
    val_score = test()
    print(f"{t} loss {J.item():.4f} val accuracy {val_score:.4f}")
