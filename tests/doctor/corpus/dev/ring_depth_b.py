# Four rings in the plane, told apart by eight layers.
import math

import torch

torch.manual_seed(12)


def rings(n):
    ring = torch.randint(0, 4, (n,))
    angle = 2 * math.pi * torch.rand(n)
    radius = 0.5 * (ring + 1) + 0.08 * torch.randn(n)
    return torch.stack([radius * angle.cos(), radius * angle.sin()], 1), ring


def stack(width=24, depth=8):
    layers = [torch.nn.Linear(2, width), torch.nn.Sigmoid()]
    for _ in range(depth - 2):
        layers.append(torch.nn.Linear(width, width))
        layers.append(torch.nn.Sigmoid())
    return torch.nn.Sequential(*layers, torch.nn.Linear(width, 4))


points, ring = rings(2000)
new_points, new_ring = rings(500)
net = stack()
for layer in net:
    if isinstance(layer, torch.nn.Linear):
        torch.nn.init.kaiming_normal_(layer.weight, nonlinearity="sigmoid")
        torch.nn.init.zeros_(layer.bias)
sgd = torch.optim.SGD(net.parameters(), lr=0.03, momentum=0.9)
for epoch in range(18):
    for rows in torch.randperm(len(points)).split(50):
        sgd.zero_grad(set_to_none=True)
        torch.nn.functional.cross_entropy(net(points[rows]), ring[rows]).backward()
        sgd.step()
print("right", (net(new_points).argmax(1) == new_ring).float().mean().item())
