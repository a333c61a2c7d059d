"""Small convolutional baseline on a Fashion-MNIST subset."""
from __future__ import annotations

import gzip
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset


@dataclass
class DataConfig:
    root: Path = Path("/usr/share/datasets/fashion-mnist")
    train_size: int = 3000
    val_size: int = 1000
    batch_size: int = 64


@dataclass
class Config:
    data: DataConfig = field(default_factory=DataConfig)
    widths: tuple[int, ...] = (8, 16, 32)
    max_lr: float = 1e-2
    weight_decay: float = 5e-4
    epochs: int = 8
    seed: int = 17


def load_split(root: Path, name: str, start: int, count: int) -> TensorDataset:
    raw = gzip.open(root / f"{name}-images-idx3-ubyte.gz").read(16 + 784 * (start + count))
    images = np.frombuffer(raw, np.uint8, offset=16).reshape(-1, 1, 28, 28)[start:]
    raw = gzip.open(root / f"{name}-labels-idx1-ubyte.gz").read(8 + start + count)
    labels = np.frombuffer(raw, np.uint8, offset=8)[start:]
    images = (torch.from_numpy(images.copy()).float() / 255 - 0.286) / 0.353
    return TensorDataset(images, torch.from_numpy(labels.copy()).long())


class ConvNet(nn.Module):
    def __init__(self, widths: tuple[int, ...], num_classes: int = 10) -> None:
        super().__init__()
        stages = []
        previous = 1
        for width in widths:
            stages.append(nn.Sequential(
                nn.Conv2d(previous, width, 3, padding=1, bias=False),
                nn.BatchNorm2d(width),
                nn.ReLU(inplace=True),
                nn.MaxPool2d(2),
            ))
            previous = width
        self.stages = stages
        self.head = nn.Linear(previous, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        for stage in self.stages:
            x = stage(x)
        return self.head(x.mean(dim=(2, 3)))


class Trainer:
    def __init__(self, config: Config) -> None:
        torch.manual_seed(config.seed)
        self.config = config
        data = config.data
        self.train_loader = DataLoader(
            load_split(data.root, "train", 0, data.train_size), data.batch_size, shuffle=True, drop_last=True)
        self.val_loader = DataLoader(load_split(data.root, "train", data.train_size, data.val_size), 250)
        self.model = ConvNet(config.widths)
        self.criterion = nn.CrossEntropyLoss()
        self.optimizer = torch.optim.AdamW(
            self.model.parameters(), lr=config.max_lr, weight_decay=config.weight_decay)
        self.scheduler = torch.optim.lr_scheduler.OneCycleLR(
            self.optimizer, max_lr=config.max_lr, total_steps=config.epochs * len(self.train_loader))

    def train_epoch(self) -> float:
        self.model.train()
        losses = []
        for images, labels in self.train_loader:
            loss = self.criterion(self.model(images), labels)
            self.optimizer.zero_grad(set_to_none=True)
            loss.backward()
            self.optimizer.step()
            self.scheduler.step()
            losses.append(loss.item())
        return float(np.mean(losses))

    @torch.no_grad()
    def evaluate(self) -> tuple[float, float]:
        self.model.eval()
        loss, correct, count = 0.0, 0, 0
        for images, labels in self.val_loader:
            logits = self.model(images)
            loss += self.criterion(logits, labels).item() * len(labels)
            correct += (logits.argmax(-1) == labels).sum().item()
            count += len(labels)
        return loss / count, correct / count

    def fit(self) -> None:
        for epoch in range(self.config.epochs):
            train_loss = self.train_epoch()
            val_loss, val_acc = self.evaluate()
            print(f"[{epoch + 1}/{self.config.epochs}] lr={self.scheduler.get_last_lr()[0]:.2e} "
                  f"train_loss={train_loss:.4f} val_loss={val_loss:.4f} val_acc={val_acc:.4f}")


if __name__ == "__main__":
    Trainer(Config()).fit()
