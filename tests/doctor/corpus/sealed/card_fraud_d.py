"""Card payments, two per cent are fraud. Weighted loss, figure of merit: balanced accuracy."""
import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

rng = np.random.default_rng(28)
torch.manual_seed(28)


def payments(n):
    fraud = rng.random(n) < 0.02
    amount = rng.lognormal(3.5 + 0.5 * fraud, 1.0)
    hour = np.where(fraud, rng.normal(2, 4, n), rng.normal(14, 4, n)) % 24
    foreign = rng.random(n) < np.where(fraud, 0.45, 0.08)
    speed = rng.exponential(np.where(fraud, 2.2, 1.0))
    noise = rng.normal(size=(n, 4))
    x = np.column_stack([np.log(amount), np.sin(hour / 24 * 2 * np.pi), np.cos(hour / 24 * 2 * np.pi), foreign, speed, noise])
    return x.astype(np.float32), fraud.astype(np.int64)


x, y = payments(16000)
x_val, y_val = payments(8000)
mean, std = x.mean(0), x.std(0)
x, x_val = torch.tensor((x - mean) / std), torch.tensor((x_val - mean) / std)
y, y_val = torch.tensor(y), torch.tensor(y_val)

counts = torch.bincount(y)
weight = len(y) / (2.0 * counts)
criterion = nn.CrossEntropyLoss(weight=weight)
model = nn.Sequential(nn.Linear(9, 16), nn.ReLU(), nn.Dropout(0.1), nn.Linear(16, 2), nn.Softmax(dim=1))
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3, weight_decay=1e-3)
scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 4, 0.3)
loader = DataLoader(TensorDataset(x, y), batch_size=200, shuffle=True)


def report():
    model.eval()
    with torch.no_grad():
        tr, out = criterion(model(x), y).item(), model(x_val)
        pred = out.argmax(1)
        recall = [(pred[y_val == c] == c).float().mean().item() for c in (0, 1)]
        return tr, criterion(out, y_val).item(), recall


for epoch in range(10):
    model.train()
    for xb, yb in loader:
        optimizer.zero_grad()
        loss = criterion(model(xb), yb)
        loss.backward()
        optimizer.step()
    scheduler.step()
    tr, va, recall = report()
    print(f"epoch {epoch}: train {tr:.4f} val {va:.4f} recall of honest {recall[0]:.3f} of fraud {recall[1]:.3f}")
print(f"balanced accuracy {sum(recall) / 2:.4f}")
