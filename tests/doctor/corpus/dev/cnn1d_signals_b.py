#!/usr/bin/env python3
import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

SEED = 12
rng = np.random.default_rng(SEED)
torch.manual_seed(SEED)


def make_signals(n):
    t = np.linspace(0, 1, 64)
    kind = rng.integers(0, 3, n)
    freq = rng.uniform(3, 6, (n, 1))
    phase = rng.uniform(0, 2 * np.pi, (n, 1))
    angle = 2 * np.pi * freq * t + phase
    waves = [np.sin(angle), np.sign(np.sin(angle)), (angle / np.pi) % 2 - 1]
    x = np.select([kind[:, None] == k for k in range(3)], waves) + 0.3 * rng.standard_normal((n, 64))
    return torch.tensor(x, dtype=torch.float32).unsqueeze(1), torch.tensor(kind)


train_x, train_y = make_signals(900)
test_x, test_y = make_signals(300)
loader = DataLoader(TensorDataset(train_x, train_y), batch_size=45, shuffle=True)

model = nn.Sequential(
    nn.Conv1d(1, 16, 7, padding=3), nn.BatchNorm1d(16), nn.ReLU(), nn.MaxPool1d(2),
    nn.Conv1d(16, 32, 5, padding=2), nn.BatchNorm1d(32), nn.ReLU(),
    nn.AdaptiveAvgPool1d(4), nn.Flatten(), nn.Linear(128, 3),
)  # fmt: skip
loss_function = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)

for epoch in range(4):
    model.eval()
    for i, batch in enumerate(loader):
        signals, kinds = batch
        optimizer.zero_grad()
        output = model(signals)
        loss = loss_function(output, kinds)
        loss.backward()
        optimizer.step()
        if i % 10 == 0:
            print(f"epoch {epoch} batch {i} loss {loss.item():.3f}")
model.eval()
with torch.no_grad():
    print("test accuracy", (model(test_x).argmax(1) == test_y).sum().item() / len(test_y))
