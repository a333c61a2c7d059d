"""Five small regressors trained at once: torch.func, no optimiser object, no nn.Module state."""
import copy

import torch
from torch import nn
from torch.func import functional_call, grad_and_value, stack_module_state, vmap

torch.manual_seed(5)
MEMBERS, STEPS, LR, MOMENTUM = 5, 700, 0.03, 0.9


def friedman(n):
    x = torch.rand(n, 6)
    y = 10 * torch.sin(torch.pi * x[:, 0] * x[:, 1]) + 20 * (x[:, 2] - 0.5) ** 2 + 10 * x[:, 3] + 5 * x[:, 4]
    return (x - 0.5) * 3.46, (y - 14.4) / 4.9 + 0.15 * torch.randn(n)


x_train, y_train = friedman(3000)
x_test, y_test = friedman(1000)

nets = [nn.Sequential(nn.Linear(6, 32), nn.Tanh(), nn.Linear(32, 1)) for _ in range(MEMBERS)]
params, buffers = stack_module_state(nets)
skeleton = copy.deepcopy(nets[0]).to("meta")


def predict(p, b, x):
    return functional_call(skeleton, (p, b), (x,)).squeeze(-1)


def loss_of(p, b, x, y):
    return (predict(p, b, x) - y).square().mean()


step = vmap(grad_and_value(loss_of))
velocity = {name: torch.zeros_like(value) for name, value in params.items()}
params = {name: value.detach() for name, value in params.items()}

for i in range(STEPS):
    rows = torch.randint(len(x_train), (MEMBERS, 64))
    grads, losses = step(params, buffers, x_train[rows], y_train[rows])
    rate = LR * (1 - i / STEPS)
    for name in params:
        velocity[name] = MOMENTUM * velocity[name] + grads[name]
        value = params[name]
        value = value - rate * velocity[name]
    if i % 70 == 0:
        each = vmap(loss_of, in_dims=(0, 0, None, None))(params, buffers, x_test, y_test)
        print(f"{i:4d}  batch {losses.mean():.4f}  test of each " + " ".join(f"{v:.3f}" for v in each))

mean = vmap(predict, in_dims=(0, 0, None))(params, buffers, x_test).mean(0)
print(f"ensemble test mse {(mean - y_test).square().mean():.4f}")
