import math

import torch

torch.manual_seed(0)
x = torch.rand(256, 1) * 2 - 1
y = torch.sin(math.pi * 1.5 * x) + 0.1 * torch.randn(256, 1)
xt, yt, xv, yv = x[:192], y[:192], x[192:], y[192:]
model = torch.nn.Sequential(torch.nn.Linear(1, 32), torch.nn.Tanh(), torch.nn.Linear(32, 1))
steps, rate = 300, 0.02
opt = torch.optim.Adam(model.parameters(), lr=rate)
sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, 15)
for step in range(steps):
    loss = ((model(xt) - yt) ** 2).mean()
    opt.zero_grad()
    loss.backward()
    opt.step()
    if step < 15:
        sched.step()
    if step % 20 == 0:
        with torch.no_grad():
            print(step, loss.item(), ((model(xv) - yv) ** 2).mean().item())
with torch.no_grad():
    print("final", ((model(xv) - yv) ** 2).mean().item())
