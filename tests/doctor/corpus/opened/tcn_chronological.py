import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(28)
rng = np.random.default_rng(28)

# hourly load of an imaginary power station, 120 days
hours = np.arange(24 * 120)
load = 50 + 12 * np.sin(2 * np.pi * hours / 24) + 5 * np.sin(2 * np.pi * hours / 168)
noise = np.zeros(len(hours))
for k in range(1, len(hours)):
    noise[k] = 0.85 * noise[k - 1] + rng.normal(0, 1.2)
load = (load + noise).astype(np.float32)

split = 24 * 96
load = (load - load[:split].mean()) / load[:split].std()
LAG, HORIZON = 48, 6


def frames(series):
    windows = np.lib.stride_tricks.sliding_window_view(series, LAG + HORIZON)
    windows = torch.tensor(windows.copy())
    return TensorDataset(windows[:, None, :LAG], windows[:, LAG:])


train_ds, test_ds = frames(load[:split]), frames(load[split:])
train_loader = DataLoader(train_ds, batch_size=64, shuffle=False)  # in order of time
test_loader = DataLoader(test_ds, batch_size=256)


class CausalConv(nn.Module):
    def __init__(self, c_in, c_out, dilation):
        super().__init__()
        self.pad = 2 * dilation
        self.conv = nn.Conv1d(c_in, c_out, 3, dilation=dilation)

    def forward(self, x):
        return self.conv(F.pad(x, (self.pad, 0)))


class TCN(nn.Module):
    def __init__(self, channels=16):
        super().__init__()
        self.inp = CausalConv(1, channels, 1)
        self.blocks = nn.ModuleList([CausalConv(channels, channels, d) for d in (2, 4, 8)])
        self.head = nn.Linear(channels, HORIZON)

    def forward(self, x):
        h = F.relu(self.inp(x))
        for block in self.blocks:
            h = h + F.relu(block(h))
        return self.head(h[:, :, -1])


model = TCN()
opt = torch.optim.Adam(model.parameters(), lr=2e-3)
for epoch in range(14):
    model.train()
    se, count = 0.0, 0
    for x, y in train_loader:
        opt.zero_grad()
        loss = F.mse_loss(model(x), y)
        loss.backward()
        opt.step()
        se += loss.item() * len(x)
        count += len(x)
    model.eval()
    with torch.no_grad():
        test = sum(F.mse_loss(model(x), y, reduction="sum").item() for x, y in test_loader) / (len(test_ds) * HORIZON)
    print(f"epoch {epoch + 1:2d}  train {se / count:.4f}  test {test:.4f}")
