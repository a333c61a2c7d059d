"""Electricity load of the next hour at every hour: dilated causal convolutions."""
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(44)
rng = np.random.default_rng(44)
H = 24 * 200
t = np.arange(H)
temp = 10 + 8 * np.sin(2 * np.pi * t / (24 * 120)) + 4 * np.sin(2 * np.pi * (t - 9) / 24) + np.convolve(rng.normal(0, 1, H + 23), np.ones(24) / 8, 'valid')
weekend = ((t // 24) % 7 >= 5).astype(float)
ar = np.zeros(H)
for i in range(1, H):
    ar[i] = 0.9 * ar[i - 1] + rng.normal(0, 12)
load = 600 + 120 * np.sin(2 * np.pi * (t - 8) / 24) + 60 * np.sin(4 * np.pi * t / 24) - 90 * weekend + 9 * np.maximum(14 - temp, 0) + ar
series = np.stack([load, temp, weekend], 0).astype(np.float32)
cut = 24 * 150
mean, std = series[:, :cut].mean(1, keepdims=True), series[:, :cut].std(1, keepdims=True)
series = torch.tensor((series - mean) / std)


class CausalConv(nn.Module):
    def __init__(self, cin, cout, dilation):
        super().__init__()
        self.pad = 2 * dilation
        self.conv = nn.Conv1d(cin, cout, 3, dilation=dilation)

    def forward(self, x):
        return self.conv(F.pad(x, (self.pad // 2, self.pad // 2)))


class TCN(nn.Module):
    def __init__(self, width=24):
        super().__init__()
        self.inp = CausalConv(3, width, 1)
        self.blocks = nn.ModuleList(CausalConv(width, width, d) for d in (2, 4, 8))
        self.out = nn.Conv1d(width, 1, 1)

    def forward(self, x):
        h = F.relu(self.inp(x))
        for b in self.blocks:
            h = h + F.relu(b(h))
        return self.out(h)[:, 0]


def windows(s, length=96):
    n = (s.size(1) - 1) // length
    x = torch.stack([s[:, i * length:(i + 1) * length] for i in range(n)])
    y = torch.stack([s[0, i * length + 1:(i + 1) * length + 1] for i in range(n)])
    return x, y


x_tr, y_tr = windows(series[:, :cut], 48)
x_va, y_va = windows(series[:, cut:], 96)
net = TCN()
opt = torch.optim.Adam(net.parameters(), lr=4e-3)
sch = torch.optim.lr_scheduler.StepLR(opt, 18, 0.2)
for ep in range(24):
    net.train()
    for i in torch.randperm(len(x_tr)).split(8):
        loss = F.mse_loss(net(x_tr[i])[:, 12:], y_tr[i][:, 12:])
        opt.zero_grad()
        loss.backward()
        opt.step()
    sch.step()
    net.eval()
    with torch.no_grad():
        tr, va = F.mse_loss(net(x_tr)[:, 12:], y_tr[:, 12:]).item(), F.mse_loss(net(x_va)[:, 12:], y_va[:, 12:]).item()
    if ep % 2:
        print('ep', ep + 1, 'train %.4f' % tr, 'val %.4f' % va, 'rmse in MW %.2f' % (va ** .5 * std[0, 0]))
print('val mse %.5f' % va)
