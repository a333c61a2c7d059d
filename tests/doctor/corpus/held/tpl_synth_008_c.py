import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import make_classification

torch.manual_seed(43)
inputs, outputs = make_classification(1200, 20, n_informative=8, n_classes=4, class_sep=1.6, n_clusters_per_class=1, flip_y=0.0, random_state=43)
inputs, outputs = inputs.astype('float32'), outputs.astype('int64')
order = torch.randperm(len(inputs)).numpy()
inputs, outputs = inputs[order], outputs[order]
x_fit, x_hold = inputs[:900], inputs[900:]
y_fit, y_hold = outputs[:900], outputs[900:]
mean, std = x_fit.mean(0), x_fit.std(0) + 1e-6
x_fit, x_hold = (x_fit - mean) / std, (x_hold - mean) / std
x_fit, y_fit, x_hold, y_hold = map(torch.from_numpy, (x_fit, y_fit, x_hold, y_hold))

f = nn.Sequential(
    nn.Linear(20, 32),
    nn.LayerNorm(32),
    nn.SiLU(),
    nn.Linear(32, 32),
    nn.LayerNorm(32),
    nn.SiLU(),
    nn.Linear(32, 4),
)

sgd = torch.optim.SGD(f.parameters(), lr=0.2)

for t in range(19):
    f.train()
    for idx in torch.randperm(len(x_fit)).split(32):
        x_, y_ = x_fit[idx], y_fit[idx]
        yhat = f(x_)
        J = F.cross_entropy(yhat, y_)
        J.backward()
        nn.utils.clip_grad_norm_(f.parameters(), 5.0)
        sgd.step()
    f.eval()
    with torch.no_grad():
        val_out = f(x_hold)
        val_score = (val_out.argmax(1) == y_hold).float().mean().item()
    print(f"{t} loss {J.item():.4f} val accuracy {val_score:.4f}")
