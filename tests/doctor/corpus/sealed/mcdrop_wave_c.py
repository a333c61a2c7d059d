"""Regression with uncertainty by Monte Carlo dropout."""
import math
import torch
import torch.nn as nn

torch.manual_seed(26)


def wave(n, low=-3.0, high=3.0):
    x = low + (high - low) * torch.rand(n, 1)
    return x, torch.sin(2 * x) + 0.3 * x + (0.1 + 0.1 * x.abs() / 3) * torch.randn(n, 1)


x, y = wave(2000)
x_val, y_val = wave(600)

net = nn.Sequential(
    nn.Linear(1, 2), nn.ReLU(),
    nn.Linear(2, 2),
)


def nll(out, target):
    mean, log_var = out[:, :1], out[:, 1:].clamp(-6, 4)
    return 0.5 * (log_var + (target - mean) ** 2 / log_var.exp()).mean()


@torch.no_grad()
def mc_predict(x, passes=30):
    net.train()  # keep the dropout on: every pass is another draw
    outs = torch.stack([net(x) for _ in range(passes)])
    mean = outs[..., 0].mean(0)
    var = outs[..., 0].var(0) + outs[..., 1].clamp(-6, 4).exp().mean(0)
    return mean, var


opt = torch.optim.Adam(net.parameters(), lr=3e-3)
sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, 60, eta_min=1e-5)
for epoch in range(60):
    net.train()
    for idx in torch.randperm(2000).split(100):
        loss = nll(net(x[idx]), y[idx])
        opt.zero_grad()
        loss.backward()
        opt.step()
    sched.step()
    if epoch % 6 == 5:
        net.eval()
        with torch.no_grad():
            print("epoch %2d  train nll %.4f  val nll %.4f" % (epoch + 1, nll(net(x), y).item(), nll(net(x_val), y_val).item()))

mean, var = mc_predict(x_val)
inside = ((y_val[:, 0] - mean).abs() < 1.96 * var.sqrt()).float().mean().item()
print("share inside the 95 %% band: %.3f" % inside)
print("rmse of the mean of 30 passes: %.4f" % (y_val[:, 0] - mean).square().mean().sqrt().item())
