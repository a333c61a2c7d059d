import numpy as np
import torch
from torch import nn
import torch.nn.functional as F
from sklearn.datasets import make_gaussian_quantiles
from sklearn.preprocessing import StandardScaler
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(50)
inputs, outputs = make_gaussian_quantiles(n_samples=1200, n_features=4, n_classes=3, random_state=50)
inputs, outputs = inputs.astype('float32'), outputs.astype('int64')
order = torch.randperm(len(inputs)).numpy()
inputs, outputs = inputs[order], outputs[order]
x_fit, x_hold = inputs[:900], inputs[900:]
y_fit, y_hold = outputs[:900], outputs[900:]
scaler = StandardScaler().fit(x_fit)
x_fit, x_hold = scaler.transform(x_fit), scaler.transform(x_hold)
x_fit, y_fit, x_hold, y_hold = map(torch.from_numpy, (x_fit, y_fit, x_hold, y_hold))
loader = DataLoader(TensorDataset(x_fit, y_fit), batch_size=32, shuffle=True)


def make_net():
    layers, width = [], 4
    for size in [32, 32]:
        layers += [nn.Linear(width, size), nn.GELU()]
        width = size
    layers.append(nn.Linear(width, 3))
    return nn.Sequential(*layers)


f = make_net()

sgd = torch.optim.RMSprop(f.parameters(), lr=0.002)

for t in range(22):
    f.train()
    for x_, y_ in loader:
        yhat = f(x_)
        J = F.cross_entropy(yhat, y_)
        J.backward()
        sgd.step()
        sgd.zero_grad()
    f.eval()
    with torch.no_grad():
        val_out = f(x_hold)
        val_score = (val_out.argmax(1) == y_hold).float().mean().item()
    print(f"{t} loss {J.item():.4f} val accuracy {val_score:.4f}")
