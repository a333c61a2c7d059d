"""Fashion classifier: Trainer with a config and a logger."""
from __future__ import annotations

import gzip
import logging
import sys
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

logger = logging.getLogger("fashion")
DATA = Path("/usr/share/datasets/fashion-mnist")


@dataclass
class Config:
    train_size: int = 5000
    val_size: int = 1500
    batch_size: int = 100
    epochs: int = 7
    lr: float = 3e-3
    weight_decay: float = 1e-4
    dropout: float = 0.25
    lr_step: int = 5
    seed: int = 11
    channels: tuple[int, int] = field(default=(12, 24))


def read_images(name: str, count: int) -> torch.Tensor:
    with gzip.open(DATA / name) as handle:
        raw = np.frombuffer(handle.read(16 + count * 784), np.uint8, offset=16)
    images = torch.from_numpy(raw.copy()).view(count, 1, 28, 28).float() / 255
    return (images - 0.286) / 0.353


def read_labels(name: str, count: int) -> torch.Tensor:
    with gzip.open(DATA / name) as handle:
        raw = np.frombuffer(handle.read(8 + count), np.uint8, offset=8)
    return torch.from_numpy(raw.copy()).long()


class ConvNet(nn.Module):
    def __init__(self, cfg: Config) -> None:
        super().__init__()
        a, b = cfg.channels
        self.features = nn.Sequential(
            nn.Conv2d(1, a, 3, stride=2, padding=1), nn.BatchNorm2d(a), nn.ReLU(),
            nn.Conv2d(a, b, 3, stride=2, padding=1), nn.BatchNorm2d(b), nn.ReLU(),
        )
        self.head = nn.Sequential(nn.Flatten(), nn.Dropout(cfg.dropout), nn.Linear(b * 49, 10))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.features(x))


class Trainer:
    def __init__(self, model: nn.Module, cfg: Config, train: DataLoader, val: DataLoader) -> None:
        self.model = model
        self.cfg = cfg
        self.train_loader = train
        self.val_loader = val
        self.loss_fn = nn.CrossEntropyLoss()
        self.optimizer = torch.optim.AdamW(model.parameters(), lr=cfg.lr, weight_decay=cfg.weight_decay)
        self.scheduler = torch.optim.lr_scheduler.StepLR(self.optimizer, step_size=cfg.lr_step, gamma=0.1)

    def run(self) -> float:
        accuracy = 0.0
        for epoch in range(1, self.cfg.epochs + 1):
            train_loss = self._train_epoch()
            val_loss, accuracy = self._validate()
            self.scheduler.step()
            logger.info("epoch=%d train_loss=%.4f val_loss=%.4f val_acc=%.4f", epoch, train_loss, val_loss, accuracy)
        return accuracy

    def _train_epoch(self) -> float:
        self.model.train()
        total = 0.0
        for images, labels in self.train_loader:
            self.optimizer.zero_grad()
            loss = self.loss_fn(self.model(images), labels)
            loss.backward()
            self.optimizer.step()
            total += loss.item() * len(labels)
        return total / len(self.train_loader.dataset)

    @torch.no_grad()
    def _validate(self) -> tuple[float, float]:
        total, correct, count = 0.0, 0, 0
        for images, labels in self.val_loader:
            scores = self.model(images)
            total += self.loss_fn(scores, labels).item() * len(labels)
            correct += (scores.argmax(1) == labels).sum().item()
            count += len(labels)
        return total / count, correct / count


def main() -> None:
    logging.basicConfig(stream=sys.stdout, level=logging.INFO, format="%(name)s %(message)s")
    cfg = Config()
    torch.manual_seed(cfg.seed)
    train_set = TensorDataset(
        read_images("train-images-idx3-ubyte.gz", cfg.train_size), read_labels("train-labels-idx1-ubyte.gz", cfg.train_size)
    )
    val_set = TensorDataset(
        read_images("t10k-images-idx3-ubyte.gz", cfg.val_size), read_labels("t10k-labels-idx1-ubyte.gz", cfg.val_size)
    )
    trainer = Trainer(
        ConvNet(cfg),
        cfg,
        DataLoader(train_set, cfg.batch_size, shuffle=True),
        DataLoader(val_set, 500),
    )
    accuracy = trainer.run()
    print(f"final validation accuracy {accuracy:.4f}")


if __name__ == "__main__":
    main()
