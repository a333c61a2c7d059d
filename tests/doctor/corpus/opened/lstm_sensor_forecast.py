"""Forecast the next value of a noisy seasonal sensor signal from the last 24 readings."""
import numpy as np
import torch
import torch.nn as nn

np.random.seed(7)
torch.manual_seed(7)

t = np.arange(1600)
signal = np.sin(2 * np.pi * t / 24) + 0.5 * np.sin(2 * np.pi * t / 60) + 0.1 * np.random.randn(len(t))

split = 1200
mu, sd = signal[:split].mean(), signal[:split].std()
series = ((signal - mu) / sd).astype(np.float32)


def make_windows(values, lookback=24):
    xs, ys = [], []
    for i in range(len(values) - lookback):
        xs.append(values[i:i + lookback])
        ys.append(values[i + lookback])
    return torch.tensor(np.array(xs)).unsqueeze(-1), torch.tensor(np.array(ys)).unsqueeze(-1)


x_train, y_train = make_windows(series[:split])
x_test, y_test = make_windows(series[split:])
loader = torch.utils.data.DataLoader(
    torch.utils.data.TensorDataset(x_train, y_train), batch_size=24, shuffle=True)


class Forecaster(nn.Module):
    def __init__(self, hidden_dim=24):
        super().__init__()
        self.lstm = nn.LSTM(input_size=1, hidden_size=hidden_dim, num_layers=1, batch_first=True)
        self.fc = nn.Linear(hidden_dim, 1)

    def forward(self, x):
        out, _ = self.lstm(x)
        return self.fc(out[:, -1, :])


model = Forecaster()
loss_fn = nn.MSELoss()
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)

for epoch in range(16):
    model.train()
    losses = []
    for xb, yb in loader:
        optimizer.zero_grad()
        loss = loss_fn(model(xb), yb)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    model.eval()
    with torch.no_grad():
        test_mse = loss_fn(model(x_test), y_test).item()
    print(f"epoch {epoch:02d}  train mse {np.mean(losses):.4f}  test mse {test_mse:.4f}")
print("naive forecast mse", ((x_test[:, -1] - y_test) ** 2).mean().item(), "model", test_mse)
