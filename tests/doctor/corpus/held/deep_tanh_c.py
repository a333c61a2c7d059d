import torch
import torch.nn as nn
from sklearn.datasets import make_circles

torch.manual_seed(0)


def net(depth, width):
    layers = [nn.Linear(2, width), nn.ReLU()]
    for _ in range(depth):
        layers += [nn.Linear(width, width), nn.ReLU()]
    layers.append(nn.Linear(width, 2))
    return nn.Sequential(*layers)


def init(m):
    if isinstance(m, nn.Linear):
        nn.init.normal_(m.weight, std=0.9)
        nn.init.zeros_(m.bias)


def data(n, seed):
    x, y = make_circles(n, noise=0.08, factor=0.5, random_state=seed)
    return torch.tensor(x).float() * 1.5, torch.tensor(y)


def fit(model, x, y, epochs=10, lr=0.02):
    opt = torch.optim.SGD(model.parameters(), lr=lr, momentum=0.9)
    for e in range(epochs):
        for i in torch.randperm(len(x)).split(32):
            loss = nn.functional.cross_entropy(model(x[i]), y[i])
            opt.zero_grad()
            loss.backward()
            opt.step()
        print("epoch", e, "loss", loss.item())


model = net(5, 24).apply(init)
fit(model, *data(800, 0))
x, y = data(400, 1)
with torch.no_grad():
    print("accuracy", (model(x).argmax(1) == y).float().mean().item())
