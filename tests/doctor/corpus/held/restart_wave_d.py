import torch
from torch import nn
from torch.optim.lr_scheduler import CosineAnnealingWarmRestarts

torch.manual_seed(6)
X = torch.randn(1200, 6)
Y = torch.tanh(X @ torch.randn(6, 4)).prod(1, keepdim=True) * 3 + X[:, :1]
Y = (Y - Y.mean()) / Y.std()
layers = [nn.Linear(6, 64), nn.ReLU()]
for _ in range(8):
    layers += [nn.Linear(64, 64), nn.ReLU()]
net = nn.Sequential(*layers, nn.Linear(64, 1))
for layer in net[::2]:
    nn.init.normal_(layer.weight, std=0.5)
optimiser = torch.optim.SGD(net.parameters(), lr=1e-4)
scheduler = CosineAnnealingWarmRestarts(optimiser, T_0=250)
for step in range(1000):
    i = torch.randint(0, 1000, (50,))
    loss = (net(X[i]) - Y[i]).square().mean()
    optimiser.zero_grad(set_to_none=True)
    loss.backward()
    optimiser.step()
    scheduler.step()
    if (step + 1) % 50 == 0:
        with torch.no_grad():
            print(step + 1, "val", (net(X[1000:]) - Y[1000:]).square().mean().item())
