# u'' + 4 u = 0, u(0) = 1, u'(0) = 0 on [0, 2]
import torch

torch.manual_seed(0)
u = torch.nn.Sequential(
    torch.nn.Linear(1, 32), torch.nn.Tanh(), torch.nn.Linear(32, 32), torch.nn.Tanh(), torch.nn.Linear(32, 1)
)
optimizer = torch.optim.Adam(u.parameters(), lr=5e-3)
zero = torch.zeros(1, 1, requires_grad=True)


def d(y, x):
    return torch.autograd.grad(y.sum(), x, create_graph=True)[0]


for it in range(500):
    t = (torch.rand(64, 1) * 2).requires_grad_()
    y = u(t)
    residual = d(d(y, t), t) + 4 * y
    y0 = u(zero)
    loss = residual.pow(2).mean() + 20 * ((y0 - 1) ** 2 + d(y0, zero) ** 2).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if it % 100 == 0:
        print(it, loss.item())
grid = torch.linspace(0, 2, 101)[:, None]
with torch.no_grad():
    print("largest error", (u(grid) - torch.cos(2 * grid)).abs().max().item())
