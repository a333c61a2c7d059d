import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits

torch.manual_seed(46)
inputs, outputs = load_digits(return_X_y=True)
inputs, outputs = inputs.astype('float32'), outputs.astype('int64')
order = torch.randperm(len(inputs)).numpy()
inputs, outputs = inputs[order], outputs[order]
x_fit, x_hold = inputs[:1300], inputs[433:930]
y_fit, y_hold = outputs[:1300], outputs[433:930]
mean, std = x_fit.mean(0), x_fit.std(0) + 1e-6
x_fit, x_hold = (x_fit - mean) / std, (x_hold - mean) / std
x_fit, x_hold = torch.tensor(x_fit), torch.tensor(x_hold)
y_fit, y_hold = torch.tensor(y_fit), torch.tensor(y_hold)

f = nn.Sequential(
    nn.Linear(64, 32),
    nn.ELU(),
    nn.Linear(32, 10),
)

sgd = torch.optim.NAdam(f.parameters(), lr=0.004)

for t in range(10):
    f.train()
    for idx in torch.randperm(len(x_fit)).split(32):
        x_, y_ = x_fit[idx], y_fit[idx]
        yhat = f(x_)
        J = F.cross_entropy(yhat, y_)
        sgd.zero_grad()
        J.backward()
        sgd.step()
    f.eval()
    with torch.no_grad():
        val_out = f(x_hold)
        val_score = (val_out.argmax(1) == y_hold).float().mean().item()
    print("%d: loss=%.4f accuracy=%.4f" % (t, J.item(), val_score))
