import math

import torch
import torch.nn as nn

torch.manual_seed(0)


def spirals(n):
    c = torch.randint(0, 3, (n,))
    r = torch.rand(n)
    a = r * 4 + c * 2 * math.pi / 3 + 0.1 * torch.randn(n)
    return torch.stack([r * a.cos(), r * a.sin()], 1) * 2, c


class Deep(nn.Module):
    def __init__(self, depth=8, width=32):
        super().__init__()
        self.first = nn.Linear(2, width)
        self.blocks = nn.ModuleList(nn.Linear(width, width) for _ in range(depth))
        self.last = nn.Linear(width, 3)

    def forward(self, x):
        h = torch.tanh(self.first(x))
        for block in self.blocks:
            h = torch.sigmoid(block(h))
        return self.last(h)


model = Deep()
opt = torch.optim.AdamW(model.parameters(), lr=3e-3)
x, c = spirals(1500)
xv, cv = spirals(500)
for epoch in range(25):
    for i in torch.randperm(1500).split(75):
        loss = nn.functional.cross_entropy(model(x[i]), c[i])
        opt.zero_grad()
        loss.backward()
        opt.step()
    if epoch % 3 == 0:
        print(epoch, loss.item())
with torch.no_grad():
    print("accuracy", (model(xv).argmax(1) == cv).float().mean().item())
