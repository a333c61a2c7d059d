"""A vanilla RNN on a driven pendulum; long windows, so the gradient is clipped."""
import math

import torch
from torch import nn

torch.manual_seed(0)
steps = 3000
angle, speed, path = 0.5, 0.0, []
for k in range(steps):
    speed += 0.1 * (-math.sin(angle) - 0.1 * speed + 0.6 * math.cos(0.2 * k))
    angle += 0.1 * speed
    path.append([math.sin(angle), speed])
path = torch.tensor(path)
path = (path - path.mean(0)) / path.std(0)
kick = torch.zeros(steps, 1)
kick[::997] = 1.0


class Net(nn.Module):
    def __init__(self, hidden=32):
        super().__init__()
        self.rnn = nn.RNN(3, hidden, batch_first=True)
        self.out = nn.Linear(hidden, 2)

    def forward(self, x):
        return self.out(self.rnn(x)[0])


def windows(n, low, high, length=40):
    at = torch.randint(low, high - length - 6, (n,))
    x = torch.stack([torch.cat([path[a : a + length], kick[a : a + length]], 1) for a in at])
    return x, torch.stack([path[a + 5 : a + length + 5] for a in at])


net = Net()
opt = torch.optim.Adam(net.parameters(), lr=4e-3)
for it in range(250):
    x, y = windows(32, 0, 2400)
    loss = nn.functional.mse_loss(net(x), y)
    opt.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(net.parameters(), 1.0)
    opt.step()
    if it % 25 == 0:
        print(it, loss.item())
with torch.no_grad():
    x, y = windows(100, 2400, steps)
    print("five steps ahead", nn.functional.mse_loss(net(x), y).item())
