# Which of four shapes does a noisy pulse have? A recurrent net reads it reading by reading.
import math

import torch
from torch import nn

torch.manual_seed(5)
READINGS, CHANNELS = 20, 2


def pulses(count):
    kind = torch.randint(0, 4, (count,))
    t = torch.linspace(0, 1, READINGS)
    start = torch.rand(count, 1) * 0.3
    ramp = (t - start).clamp(0, 0.6) / 0.6
    shapes = torch.stack([ramp, 1 - ramp, torch.sin(math.pi * ramp), torch.sin(2 * math.pi * ramp)])
    clean = shapes[kind, torch.arange(count)]
    second = clean.roll(2, dims=1)
    return torch.stack([clean, second], dim=2) + 0.15 * torch.randn(count, READINGS, CHANNELS), kind


train_x, train_y = pulses(1600)
val_x, val_y = pulses(400)


class Reader(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn = nn.GRU(CHANNELS, 24)
        self.answer = nn.Linear(24, 4)

    def forward(self, steps):  # [readings, pulses, channels]
        _, last = self.rnn(steps)
        return self.answer(last[0])


net = Reader()
for weight in net.rnn.parameters():
    nn.init.normal_(weight, 0, 3)
adam = torch.optim.Adam(net.parameters(), lr=4e-3)
for epoch in range(10):
    for rows in torch.randperm(1600).split(40):
        steps = train_x[rows].permute(1, 0, 2)
        loss = nn.functional.cross_entropy(net(steps), train_y[rows])
        adam.zero_grad()
        loss.backward()
        adam.step()
    with torch.no_grad():
        right = net(val_x.permute(1, 0, 2)).argmax(1).eq(val_y).float().mean()
print(f"validation accuracy {right:.3f}")
