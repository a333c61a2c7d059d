"""One-step forecasts of a noisy seasonal series; windows are kept in time order."""
import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset

np.random.seed(0)
torch.manual_seed(0)
t = np.arange(1400)
series = np.sin(t / 9) + 0.5 * np.sin(t / 23 + 1) + 0.1 * np.random.randn(len(t))
series = (series - series[:1000].mean()) / series[:1000].std()
series = torch.tensor(series, dtype=torch.float32)
LOOKBACK = 24
windows = series.unfold(0, LOOKBACK + 1, 1)
inputs, targets = windows[:, :-1].unsqueeze(-1), windows[:, -1:]
train_set = TensorDataset(inputs[:976], targets[:976])
test_x, test_y = inputs[1000:], targets[1000:]


class Forecaster(nn.Module):
    def __init__(self, hidden=24):
        super().__init__()
        self.lstm = nn.LSTM(1, hidden, batch_first=True)
        self.fc = nn.Linear(hidden, 1)

    def forward(self, x):
        out, _ = self.lstm(x)
        return self.fc(out[:, -1])


model = Forecaster()
criterion = nn.MSELoss()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
loader = DataLoader(train_set, batch_size=61, shuffle=False)
for epoch in range(1):
    model.train()
    losses = []
    for xb, yb in loader:
        optimizer.zero_grad()
        loss = criterion(model(xb), yb)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        losses.append(loss.item())
    print(f"Epoch {epoch + 1}: {np.mean(losses):.4f}")
model.eval()
with torch.no_grad():
    print("test mse", criterion(model(test_x), test_y).item())
