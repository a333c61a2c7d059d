"""Sixty noisy measurements: stop when the validation error has not improved for a while, keep the best weights."""
import copy

import torch
from torch import nn

torch.manual_seed(0)
x = torch.randn(260, 6)
y = (x[:, :1] + 0.5 * x[:, 1:2] * x[:, 2:3] + 0.5 * torch.randn(260, 1)) / 1.22
x_fit, y_fit, x_val, y_val = x[:60], y[:60], x[60:], y[60:]
net = nn.Sequential(nn.Linear(6, 32), nn.Tanh(), nn.Linear(32, 1))
opt = torch.optim.AdamW(net.parameters(), lr=3e-3, weight_decay=0.1)
best, best_weights, waiting = float("inf"), None, 0
for epoch in range(60):
    for rows in torch.randperm(60).split(15):
        opt.zero_grad()
        loss = nn.functional.mse_loss(net(x_fit[rows]), y_fit[rows])
        loss.backward()
        opt.step()
    with torch.no_grad():
        val = nn.functional.mse_loss(net(x_val), y_val).item()
    print(f"{epoch} train {loss.item():.3f} val {val:.4f}")
    if val < best:
        best, best_weights, waiting = val, copy.deepcopy(net.state_dict()), 0
    else:
        waiting += 1
        if waiting == 5:
            break
net.load_state_dict(best_weights)
with torch.no_grad():
    print("kept", nn.functional.mse_loss(net(x_val), y_val).item())
