from dataclasses import dataclass

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, Subset, TensorDataset


@dataclass
class Config:
    seed: int = 12
    batch: int = 48
    epochs: int = 7
    rate: float = 2e-3


class Glyphs(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 12, 3, padding=1)
        self.conv2 = nn.Conv2d(12, 24, 3, padding=1)
        self.out = nn.Linear(24 * 4, 10)

    def forward(self, pixels):
        h = F.max_pool2d(F.relu(self.conv1(pixels)), 2)
        h = F.max_pool2d(F.relu(self.conv2(h)), 2)
        return self.out(h.flatten(1))


class Trainer:
    def __init__(self, config, model, fit_set, check_set):
        self.config, self.model = config, model
        self.fit_loader = DataLoader(fit_set, batch_size=config.batch, shuffle=True)
        self.check_loader = DataLoader(check_set, batch_size=200)
        self.optimizer = torch.optim.Adam(model.parameters(), lr=config.rate)

    def fit(self):
        for epoch in range(self.config.epochs):
            self.model.train()
            for pixels, names in self.fit_loader:
                self.optimizer.zero_grad()
                F.cross_entropy(self.model(pixels), names).backward()
                self.optimizer.step()
            print("epoch", epoch, "accuracy", self.check())

    @torch.no_grad()
    def check(self):
        self.model.eval()
        right = total = 0
        for pixels, names in self.check_loader:
            pixels = (pixels + 1) * 127.5 / 8
            right += (self.model(pixels).argmax(1) == names).sum().item()
            total += len(names)
        return right / total


config = Config()
torch.manual_seed(config.seed)
bunch = load_digits()
pictures = torch.tensor(bunch.images, dtype=torch.float32)[:, None] / 8 - 1
names = torch.tensor(bunch.target)
everything = TensorDataset(pictures, names)
order = torch.randperm(len(names)).tolist()
fit_rows, check_rows = order[:1350], order[1350:]
Trainer(config, Glyphs(), Subset(everything, fit_rows), Subset(everything, check_rows)).fit()
