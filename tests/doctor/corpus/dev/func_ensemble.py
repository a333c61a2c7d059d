import torch
from torch import nn
from torch.func import functional_call, grad_and_value, stack_module_state, vmap
from sklearn.datasets import make_moons

torch.manual_seed(5)
x, y = make_moons(600, noise=0.2, random_state=5)
x, y = torch.tensor(x, dtype=torch.float32), torch.tensor(y)
xt, yt, xv, yv = x[:400], y[:400], x[400:], y[400:]
members = [nn.Sequential(nn.Linear(2, 24), nn.Tanh(), nn.Linear(24, 2)) for _ in range(5)]
params, buffers = stack_module_state(members)
base = members[0]
def loss_of(p, b, xb, yb):
    return nn.functional.cross_entropy(functional_call(base, (p, b), (xb,)), yb)
step = vmap(grad_and_value(loss_of), in_dims=(0, 0, None, None))
params = {k: v.detach() for k, v in params.items()}
for it in range(300):
    idx = torch.randint(0, 400, (64,))
    g, l = step(params, buffers, xt[idx], yt[idx])
    params = {k: v - 0.3 * g[k] for k, v in params.items()}
    if it % 100 == 0: print(it, l.mean().item())
p = vmap(lambda q, b: functional_call(base, (q, b), (xv,)))(params, buffers).softmax(-1).mean(0)
print("ensemble accuracy", (p.argmax(1) == yv).float().mean().item())
