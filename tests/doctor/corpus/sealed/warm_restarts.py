"""Energy of buildings (synthetic): two outputs, SGD with warm restarts, so the loss jumps up at each restart on purpose."""
import torch
from torch import nn
from torch.optim.lr_scheduler import CosineAnnealingWarmRestarts

torch.manual_seed(58)
n = 2600
shape = torch.rand(n, 8)
heat = 6 * shape[:, 0] * (1 + shape[:, 1]) + 3 * torch.relu(shape[:, 2] - 0.5) + torch.sin(5 * shape[:, 3])
cool = 4 * shape[:, 0] + 5 * shape[:, 4] * shape[:, 2] - 2 * shape[:, 5] ** 2
y = torch.stack([heat, cool], 1) + 0.25 * torch.randn(n, 2)
x = (shape - 0.5) / 0.289
mean, std = y[:2000].mean(0), y[:2000].std(0)
y = (y - mean) / std
train_x, train_y, val_x, val_y = x[:2000], y[:2000], x[2000:], y[2000:]

model = nn.Sequential(nn.Linear(8, 64), nn.SELU(), nn.Linear(64, 64), nn.SELU(), nn.Linear(64, 2))
opt = torch.optim.SGD(model.parameters(), lr=0.15, momentum=0.9, weight_decay=1e-4)
sched = CosineAnnealingWarmRestarts(opt, T_0=4, T_mult=2, eta_min=1e-4)
mse = nn.MSELoss()
for epoch in range(28):
    model.train()
    rows = torch.randperm(2000).split(100)
    total = 0.0
    for i, r in enumerate(rows):
        loss = mse(model(train_x[r]), train_y[r])
        opt.zero_grad()
        loss.backward()
        opt.step()
        sched.step(epoch + (i + 1) / len(rows))
        total += loss.item() / len(rows)
    model.eval()
    with torch.no_grad():
        val = mse(model(val_x), val_y).item()
    if epoch % 2 == 1:
        print(f"epoch {epoch + 1:2d} lr {opt.param_groups[0]['lr']:.4f} train {total:.4f} val {val:.4f}")
print(f"val mse {val:.5f}")
