import math
import torch

torch.manual_seed(0)
x = torch.linspace(-2, 2, 160).unsqueeze(-1)
y = torch.sin(2 * math.pi * x / 2.5) + 0.05 * torch.randn_like(x)
train, test = slice(0, None, 2), slice(1, None, 2)

f = torch.nn.Sequential(torch.nn.Linear(1, 16), torch.nn.Linear(16, 1))
lbfgs = torch.optim.LBFGS(f.parameters(), lr=0.8, max_iter=10, line_search_fn="strong_wolfe")


def closure():
    lbfgs.zero_grad()
    err = (f(x[train]) - y[train]).pow(2).mean()
    err.backward()
    return err


for k in range(15):
    value = lbfgs.step(closure)
    print(k, value.item())
with torch.no_grad():
    print("test mse", (f(x[test]) - y[test]).pow(2).mean().item())
