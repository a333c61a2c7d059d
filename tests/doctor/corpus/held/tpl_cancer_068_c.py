# cancer: classification baseline
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_breast_cancer
from sklearn.preprocessing import StandardScaler

torch.manual_seed(84)
inputs, outputs = load_breast_cancer(return_X_y=True)
inputs, outputs = inputs.astype('float32'), outputs.astype('float32')
order = torch.randperm(len(inputs)).numpy()
inputs, outputs = inputs[order], outputs[order]
x_fit, x_hold = inputs[:420], inputs[420:]
y_fit, y_hold = outputs[:420], outputs[420:]
scaler = StandardScaler().fit(x_fit)
x_fit, x_hold = scaler.transform(x_fit), scaler.transform(x_hold)
x_fit, x_hold = torch.tensor(x_fit), torch.tensor(x_hold)
y_fit, y_hold = torch.tensor(y_fit), torch.tensor(y_hold)
y_fit, y_hold = y_fit[:, None], y_hold[:, None]


def make_net():
    layers, width = [], 30
    for size in [24]:
        layers += [nn.Linear(width, size), nn.BatchNorm1d(size), nn.LeakyReLU()]
        width = size
    layers.append(nn.Linear(width, 1))
    return nn.Sequential(*layers)


f = make_net()

sgd = torch.optim.NAdam(f.parameters(), lr=0.004)


def train():
    f.train()
    for _ in range(14):
        idx = torch.randint(0, len(x_fit), (32,))
        x_, y_ = x_fit[idx], y_fit[idx]
        sgd.zero_grad()
        yhat = f(x_)
        J = F.binary_cross_entropy_with_logits(yhat, y_)
        J.backward()
        sgd.step()
    return J


def test():
    f.eval()
    with torch.no_grad():
        val_out = f(x_hold)
        val_score = ((val_out > 0) == (y_hold > 0.5)).float().mean().item()
    return val_score


for t in range(120):
    J = train()
    val_score = test()
    print("%d: loss=%.4f accuracy=%.4f" % (t, J.item(), val_score))
