"""Pretrain on digits 0-4, keep the trunk fixed, train a new head for digits 5-9."""
import torch
import torch.nn as nn
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, TensorDataset, random_split

torch.manual_seed(30)
d = load_digits()
x = torch.tensor(d.images, dtype=torch.float32).unsqueeze(1) / 16
y = torch.tensor(d.target)


def loaders(mask, shift):
    ds = TensorDataset(x[mask], y[mask] - shift)
    n_val = len(ds) // 4
    train, val = random_split(ds, [len(ds) - n_val, n_val])
    return DataLoader(train, batch_size=32, shuffle=True), DataLoader(val, batch_size=256)


class Net(nn.Module):
    def __init__(self, n_classes):
        super().__init__()
        self.trunk = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(16, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU(), nn.MaxPool2d(2),
            nn.Flatten(), nn.Linear(128, 64), nn.ReLU())
        self.head = nn.Linear(64, n_classes)

    def forward(self, x):
        return self.head(self.trunk(x))


def validate(model, loader):
    model.eval()
    correct = total = 0
    with torch.no_grad():
        for xb, yb in loader:
            correct += (model(xb).argmax(1) == yb).sum().item()
            total += len(yb)
    return correct / total


model = Net(5)
criterion = nn.CrossEntropyLoss()
train_loader, val_loader = loaders(y < 5, 0)
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
for epoch in range(6):
    model.train()
    for xb, yb in train_loader:
        optimizer.zero_grad()
        criterion(model(xb), yb).backward()
        optimizer.step()
    print("pretraining", epoch, validate(model, val_loader))

model.trunk.requires_grad_(False)
model.head = nn.Linear(64, 5)
train_loader, val_loader = loaders(y >= 5, 5)
optimizer = torch.optim.Adam(model.head.parameters(), lr=2e-2)
for epoch in range(14):
    model.train()
    model.trunk.eval()
    running = 0.0
    for xb, yb in train_loader:
        optimizer.zero_grad()
        loss = criterion(model(xb), yb)
        loss.backward()
        optimizer.step()
        running += loss.item()
    print(f"finetuning {epoch} loss {running / len(train_loader):.4f} val accuracy {validate(model, val_loader):.4f}")
