"""Small convnet on a slice of Fashion-MNIST."""
import gzip
from pathlib import Path

import numpy as np
import torch
from torch import nn, optim
from torch.utils.data import DataLoader, TensorDataset

ROOT = Path("/usr/share/datasets/fashion-mnist")


def images(name, n):
    with gzip.open(ROOT / name) as f:
        raw = f.read(16 + 784 * n)
    return np.frombuffer(raw, np.uint8, offset=16).reshape(n, 1, 28, 28)


def labels(name, n):
    with gzip.open(ROOT / name) as f:
        raw = f.read(8 + n)
    return np.frombuffer(raw, np.uint8, offset=8)


class ConvNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 8, 5, stride=2, padding=2),
            nn.BatchNorm2d(8),
            nn.ReLU(),
            nn.Conv2d(8, 16, 3, stride=2, padding=1),
            nn.BatchNorm2d(16),
            nn.ReLU(),
        )
        self.drop = nn.Dropout(0.2)
        self.head = nn.Linear(16 * 49, 10)

    def forward(self, x):
        return self.head(self.drop(self.features(x).flatten(1)))


def load():
    xtr = torch.tensor(images("train-images-idx3-ubyte.gz", 2000), dtype=torch.float32) / 255
    xte = torch.tensor(images("t10k-images-idx3-ubyte.gz", 1000), dtype=torch.float32) / 255
    mean, std = xtr.mean(), xtr.std()
    xtr = (xtr - mean) / std
    xte = (xte - mean) / std
    ytr = torch.tensor(labels("train-labels-idx1-ubyte.gz", 2000), dtype=torch.long)
    yte = torch.tensor(labels("t10k-labels-idx1-ubyte.gz", 1000), dtype=torch.long)
    train = DataLoader(TensorDataset(xtr, ytr), batch_size=64, shuffle=True)
    test = DataLoader(TensorDataset(xte, yte), batch_size=250)
    return train, test


def train_epoch(model, loader, criterion, optimizer):
    model.train()
    running = 0.0
    for inputs, targets in loader:
        optimizer.zero_grad()
        outputs = model(inputs)
        loss = criterion(outputs, targets)
        loss.backward()
        optimizer.step()
        running += loss.item() * len(inputs)
    return running / len(loader.dataset)


def evaluate(model, loader):
    correct = 0
    with torch.no_grad():
        for inputs, targets in loader:
            correct += (model(inputs).argmax(dim=1) == targets).sum().item()
    return correct / len(loader.dataset)


def main():
    torch.manual_seed(0)
    train, test = load()
    model = ConvNet()
    criterion = nn.CrossEntropyLoss()
    optimizer = optim.Adam(model.parameters(), lr=2e-3)
    for epoch in range(4):
        loss = train_epoch(model, train, criterion, optimizer)
        acc = evaluate(model, test)
        print(f"epoch {epoch + 1}  train loss {loss:.3f}  test acc {acc:.3f}")


if __name__ == "__main__":
    main()
