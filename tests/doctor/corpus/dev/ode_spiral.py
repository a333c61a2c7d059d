import torch
from torch import nn
torch.manual_seed(0)
A = torch.tensor([[-0.1, 2.0], [-2.0, -0.1]])
dt, T = 0.05, 20
def rk4(f, x, n):
    out = [x]
    for _ in range(n):
        k1 = f(x); k2 = f(x + dt / 2 * k1); k3 = f(x + dt / 2 * k2); k4 = f(x + dt * k3)
        x = x + dt / 6 * (k1 + 2 * k2 + 2 * k3 + k4); out.append(x)
    return torch.stack(out, 1)
true = lambda x: (x ** 3) @ A.T
start = torch.rand(150, 2) * 2 - 1
with torch.no_grad(): path = rk4(true, start, T)
f = nn.Sequential(nn.Linear(2, 40), nn.Tanh(), nn.Linear(40, 2))
nn.init.normal_(f[2].weight, std=0.1)
opt = torch.optim.Adam(f.parameters(), lr=5e-3)
for it in range(150):
    i = torch.randint(0, 120, (30,))
    loss = (rk4(f, start[i], T) - path[i]).abs().mean()
    opt.zero_grad(); loss.backward(); opt.step()
    if it % 30 == 29:
        with torch.no_grad(): print(it + 1, loss.item(), (rk4(f, start[120:], T) - path[120:]).abs().mean().item())
