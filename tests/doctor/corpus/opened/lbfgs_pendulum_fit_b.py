import math
import torch
from torch import nn

torch.manual_seed(6)
torch.set_default_dtype(torch.float64)

# damped oscillation, measured with noise
t = torch.linspace(0, 4, 160).unsqueeze(1)
clean = torch.exp(-0.4 * t) * torch.cos(2 * math.pi * 0.7 * t)
y = clean + 0.03 * torch.randn_like(clean)
train = torch.arange(160) % 4 != 0
t_train, y_train, t_val, y_val = t[train], y[train], t[~train], y[~train]
scale = lambda t: (t - 2.0) / 1.15

net = nn.Sequential(nn.Linear(1, 16), nn.Tanh(), nn.Linear(16, 16), nn.Tanh(), nn.Linear(16, 1))
optimizer = torch.optim.LBFGS(net.parameters(), lr=0.5, max_iter=8, history_size=20, line_search_fn="strong_wolfe")
criterion = nn.MSELoss()

for it in range(1, 31):
    def closure():
        loss = criterion(net(scale(t_train)), y_train)
        loss.backward()
        return loss

    loss = optimizer.step(closure)
    with torch.no_grad():
        val = criterion(net(scale(t_val)), y_val)
    if it % 2 == 0:
        print(f"iteration {it:2d} train {loss.item():.6f} val {val.item():.6f}")
