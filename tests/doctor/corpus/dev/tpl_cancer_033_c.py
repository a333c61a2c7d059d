import numpy as np
import torch
from torch import nn
from sklearn.datasets import load_breast_cancer
from sklearn.preprocessing import StandardScaler

torch.manual_seed(58)
inputs, outputs = load_breast_cancer(return_X_y=True)
inputs, outputs = inputs.astype('float32'), outputs.astype('int64')
order = torch.randperm(len(inputs)).numpy()
inputs = inputs[order]
x_fit, x_hold = inputs[:420], inputs[420:]
y_fit, y_hold = outputs[:420], outputs[420:]
scaler = StandardScaler().fit(x_fit)
x_fit, x_hold = scaler.transform(x_fit), scaler.transform(x_hold)
x_fit, x_hold = torch.tensor(x_fit), torch.tensor(x_hold)
y_fit, y_hold = torch.tensor(y_fit), torch.tensor(y_hold)


def make_net():
    layers, width = [], 30
    for size in [32]:
        layers += [nn.Linear(width, size), nn.SiLU(), nn.Dropout(0.1)]
        width = size
    layers.append(nn.Linear(width, 2))
    return nn.Sequential(*layers)


f = make_net()

cost = nn.CrossEntropyLoss()
sgd = torch.optim.AdamW(f.parameters(), lr=0.005, weight_decay=0.01)
decay = torch.optim.lr_scheduler.StepLR(sgd, step_size=8, gamma=0.3)

for t in range(12):
    f.train()
    for idx in torch.randperm(len(x_fit)).split(50):
        x_, y_ = x_fit[idx], y_fit[idx]
        yhat = f(x_)
        J = cost(yhat, y_)
        sgd.zero_grad()
        J.backward()
        sgd.step()
    decay.step()
    f.eval()
    with torch.no_grad():
        val_out = f(x_hold)
        val_score = (val_out.argmax(1) == y_hold).float().mean().item()
    print("%d: loss=%.4f accuracy=%.4f" % (t, J.item(), val_score))
