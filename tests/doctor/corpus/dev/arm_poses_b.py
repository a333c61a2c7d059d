"""Where are elbow, wrist and tip of a planar arm? From its three angles, with a small net."""
import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

rng = np.random.default_rng(11)
torch.manual_seed(11)

angles = rng.uniform(-1.5, 1.5, size=(1500, 3))
total = angles.cumsum(axis=1)
steps = np.stack([np.cos(total), np.sin(total)], axis=2) * np.array([1.0, 0.7, 0.4])[None, :, None]
joints = steps.cumsum(axis=1).reshape(len(angles), -1) + rng.normal(0, 0.02, size=(1500, 6))
x = torch.tensor(angles, dtype=torch.float32)
y = torch.tensor((joints - joints.mean(0)) / joints.std(0), dtype=torch.float32)
x[:1200] = x[:1200][torch.randperm(1200)]
x_train, y_train, x_val, y_val = x[:1200], y[:1200], x[1200:], y[1200:]

loader = DataLoader(TensorDataset(x_train, y_train), batch_size=32, shuffle=True)
model = nn.Sequential(nn.Linear(3, 64), nn.Tanh(), nn.Linear(64, 64), nn.Tanh(), nn.Linear(64, 6))
optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
for epoch in range(15):
    model.train()
    for inputs, goals in loader:
        loss = nn.functional.mse_loss(model(inputs), goals)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        print(epoch, f"{nn.functional.mse_loss(model(x_val), y_val):.4f}")
