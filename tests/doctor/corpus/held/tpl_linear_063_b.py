# linear: regression baseline
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import make_regression

torch.manual_seed(51)
inputs, outputs = make_regression(900, 10, n_informative=6, noise=5.0, random_state=51)
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
y_fit, y_hold = y_fit[:, None], y_hold[:, None]

f = nn.Sequential(
    nn.Linear(10, 64),
    nn.GELU(),
    nn.Linear(64, 64),
    nn.GELU(),
    nn.Linear(64, 1),
)

sgd = torch.optim.AdamW(f.parameters(), lr=0.005, weight_decay=80.0)
decay = torch.optim.lr_scheduler.CosineAnnealingLR(sgd, 25)


def train():
    for start in range(0, len(x_fit), 40):
        x_ = x_fit[start : start + 40]
        y_ = y_fit[start : start + 40]
        sgd.zero_grad()
        yhat = f(x_)
        J = F.mse_loss(yhat, y_)
        J.backward()
        sgd.step()
    decay.step()
    return J


def test():
    with torch.no_grad():
        val_out = f(x_hold)
        val_score = ((val_out - y_hold) ** 2).mean().item()
    return val_score


for t in range(25):
    J = train()
    val_score = test()
    print(f"{t} loss {J.item():.4f} val mse {val_score:.4f}")
