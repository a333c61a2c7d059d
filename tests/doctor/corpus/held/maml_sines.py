import math
import torch
from torch import nn
from torch.func import functional_call

torch.manual_seed(0)
net = nn.Sequential(nn.Linear(1, 32), nn.Tanh(), nn.Linear(32, 32), nn.Tanh(), nn.Linear(32, 1))
meta = torch.optim.Adam(net.parameters(), lr=5e-3)


def task():
    phase, amp = torch.rand(1) * math.pi, 1 + torch.rand(1)
    return lambda n: (lambda x: (x, amp * torch.sin(x + phase)))(torch.rand(n, 1) * 6 - 3)


def adapted_loss(draw, create_graph):
    weights = dict(net.named_parameters())
    x, y = draw(10)
    inner = nn.functional.mse_loss(functional_call(net, weights, (x,)), y)
    grads = torch.autograd.grad(inner, list(weights.values()), create_graph=create_graph)
    fast = {k: w - 0.1 * g for (k, w), g in zip(weights.items(), grads)}
    x, y = draw(20)
    return nn.functional.mse_loss(functional_call(net, fast, (x,)), y)


for it in range(150):
    loss = sum(adapted_loss(task(), True) for _ in range(4)) / 4
    meta.zero_grad()
    loss.backward()
    meta.step()
    if it % 30 == 0:
        print(it, loss.item())
print("after adaptation", sum(adapted_loss(task(), False).item() for _ in range(60)) / 60)
