"""
Forecasting with an LSTM, a tutorial in four steps.

A tide gauge gives one height an hour. From the last 36 hours we predict the next one.
"""
import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import Dataset, DataLoader

torch.manual_seed(21)
rng = np.random.RandomState(21)

# Step 1. The series
hours = np.arange(2600)
series = (1.6 * np.sin(2 * np.pi * hours / 12.42) + 0.5 * np.sin(2 * np.pi * hours / 24 + 0.4)
          + 0.4 * np.sin(2 * np.pi * hours / 25.8) + 0.15 * rng.randn(2600))
split = 2000
mean, std = series[:split].mean(), series[:split].std()
series = ((series - mean) / std).astype(np.float32)


# Step 2. A dataset of windows
class WindowDataset(Dataset):
    def __init__(self, values, window=36):
        self.values = torch.from_numpy(values)
        self.window = window

    def __len__(self):
        return len(self.values) - self.window

    def __getitem__(self, i):
        return self.values[i:i + self.window].unsqueeze(-1), self.values[i + self.window]


series = series * 300 + 900
train_loader = DataLoader(WindowDataset(series[:split]), batch_size=64, shuffle=True)
test_loader = DataLoader(WindowDataset(series[split:]), batch_size=64)


# Step 3. The model
class Forecaster(nn.Module):
    def __init__(self, hidden=24):
        super().__init__()
        self.lstm = nn.LSTM(1, hidden, batch_first=True)
        self.out = nn.Linear(hidden, 1)

    def forward(self, x):
        states, _ = self.lstm(x)
        return self.out(states[:, -1]).squeeze(-1) * 300 + 900


model = Forecaster()
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
scheduler = torch.optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.8)
loss_function = lambda p, y: nn.functional.mse_loss(p / 300, y / 300)


def evaluate(loader):
    model.eval()
    with torch.no_grad():
        return np.mean([loss_function(model(x), y).item() for x, y in loader])


# Step 4. Train
for epoch in range(12):
    model.train()
    for x, y in train_loader:
        optimizer.zero_grad()
        loss = loss_function(model(x), y)
        loss.backward()
        optimizer.step()
    scheduler.step()
    print(f"Epoch {epoch + 1:2d} | train {evaluate(train_loader):.4f} | test {evaluate(test_loader):.4f}")

print(f"Test MSE: {evaluate(test_loader):.4f}")
