"""Does He initialisation carry a plain ten-layer network? Trained on a smooth function of eight variables."""
import math
import torch
import torch.nn as nn

torch.manual_seed(42)
DEPTH, WIDTH = 10, 48


def he_(layer):
    nn.init.normal_(layer.weight, 0.0, 0.01)
    nn.init.zeros_(layer.bias)
    return layer


layers = []
sizes = [8] + [WIDTH] * DEPTH
for a, b in zip(sizes, sizes[1:]):
    layers += [he_(nn.Linear(a, b)), nn.ReLU()]
net = nn.Sequential(*layers, nn.Linear(WIDTH, 1))


def target(x):
    return torch.sin(2 * x[:, 0]) + x[:, 1] * x[:, 2] - 0.5 * x[:, 3] ** 2 + torch.tanh(x[:, 4] + x[:, 5]) + 0.5


def batch(n):
    x = torch.randn(n, 8)
    return x, target(x) + 0.3 * torch.randn(n)


x_val, y_val = batch(2000)
opt = torch.optim.SGD(net.parameters(), lr=0.02, momentum=0.9)
steps = 1100
sched = torch.optim.lr_scheduler.LambdaLR(opt, lambda s: min(1.0, (s + 1) / 50) * (1 - s / steps))
history = []
for step in range(steps):
    x, y = batch(96)
    loss = (net(x).squeeze(1) - y).square().mean()
    opt.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(net.parameters(), 2.0)
    opt.step()
    sched.step()
    history.append(loss.item())
    if (step + 1) % 110 == 0:
        with torch.no_grad():
            val = (net(x_val).squeeze(1) - y_val).square().mean().item()
        print(f"{step + 1:5d} train {sum(history[-110:]) / 110:.4f} val {val:.4f}")
print(f"val mse {val:.4f}")
