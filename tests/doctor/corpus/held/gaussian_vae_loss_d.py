import torch
from torch import nn

torch.manual_seed(0)
x = torch.rand(1500, 2) * 2 - 1
sd = 0.1 + 0.5 * (x[:, 1:] > 0)
y = torch.sin(4 * x[:, :1]) + sd * torch.randn(1500, 1)
net = nn.Sequential(nn.Linear(2, 48), nn.SiLU(), nn.Linear(48, 48), nn.SiLU(), nn.Linear(48, 2))
opt = torch.optim.Adam(net.parameters(), lr=2.0)


def gaussian_nll(out, target):
    mean, log_var = out[:, :1], out[:, 1:].clamp(-6, 4)
    return 0.5 * (log_var + (target - mean) ** 2 / log_var.exp() + 1.8379).mean()


for epoch in range(18):
    for i in torch.randperm(1200).split(60):
        loss = gaussian_nll(net(x[i]), y[i])
        opt.zero_grad()
        loss.backward()
        opt.step()
    with torch.no_grad():
        print(epoch, gaussian_nll(net(x[1200:]), y[1200:]).item())
