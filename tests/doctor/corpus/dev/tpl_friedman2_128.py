# friedman2: regression baseline
import numpy as np
import torch
from torch import nn
import torch.nn.functional as F
from sklearn.datasets import make_friedman2

torch.manual_seed(54)
inputs, outputs = make_friedman2(1200, noise=20.0, random_state=54)
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


class Regressor(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden = nn.ModuleList(nn.Linear(a, b) for a, b in [(4, 64), (64, 64)])
        self.norms = nn.ModuleList(nn.LayerNorm(w) for w in [64, 64])
        self.act = nn.GELU()
        self.head = nn.Linear(64, 1)

    def forward(self, x):
        for layer, norm in zip(self.hidden, self.norms):
            x = self.act(norm(layer(x)))
        return self.head(x)


f = Regressor()

sgd = torch.optim.Adagrad(f.parameters(), lr=0.05)
decay = torch.optim.lr_scheduler.CosineAnnealingLR(sgd, 25)

for t in range(25):
    f.train()
    for _ in range(23):
        idx = torch.randint(0, len(x_fit), (40,))
        x_, y_ = x_fit[idx], y_fit[idx]
        sgd.zero_grad()
        yhat = f(x_).squeeze(-1)
        J = F.mse_loss(yhat, y_)
        J.backward()
        sgd.step()
    decay.step()
    f.eval()
    with torch.no_grad():
        val_out = f(x_hold).squeeze(1)
        val_score = ((val_out - y_hold) ** 2).mean().item()
    print("%d: loss=%.4f mse=%.4f" % (t, J.item(), val_score))
