import torch
from torch import nn
from sklearn.datasets import make_regression

torch.manual_seed(65)
inputs, outputs = make_regression(900, 10, n_informative=6, noise=5.0, random_state=65)
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


def make_net():
    layers, width = [], 10
    for size in [24]:
        layers += [nn.Linear(width, size), nn.GELU()]
        width = size
    layers.append(nn.Linear(width, 1))
    return nn.Sequential(*layers)


f = make_net()

cost = nn.MSELoss()
sgd = torch.optim.SGD(f.parameters(), lr=0.03, momentum=0.9)

for t in range(25):
    for idx in torch.randperm(len(x_fit)).split(50):
        x_, y_ = x_fit[idx], y_fit[idx]
        sgd.zero_grad()
        yhat = f(x_)
        J = cost(yhat, y_)
        J.backward()
        sgd.step()
    with torch.no_grad():
        val_out = f(x_hold)
        val_score = ((val_out - y_hold) ** 2).mean().item()
    print(t, J.item(), "mse", val_score)
