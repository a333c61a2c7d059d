"""Quantiles of tomorrow's demand (10 %, 50 %, 90 %) with the pinball loss."""
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn as nn


@dataclass(frozen=True)
class Settings:
    quantiles: tuple = (0.1, 0.5, 0.9)
    hidden: int = 48
    epochs: int = 12
    batch: int = 128
    lr: float = 2e-3
    seed: int = 16


def simulate(n, rng):
    day = rng.integers(0, 7, n)
    temperature = rng.normal(15, 8, n)
    price = rng.uniform(0.8, 1.5, n)
    promo = rng.random(n) < 0.2
    level = 90 + 25 * np.sin(2 * np.pi * day / 7) + 1.6 * np.maximum(temperature - 12, 0) - 50 * (price - 1) + 35 * promo
    demand = level + (6 + 0.9 * np.maximum(temperature, 0)) * rng.standard_normal(n)
    x = np.column_stack([np.eye(7)[day], (temperature - 15) / 8, (price - 1.15) / 0.2, promo])
    return torch.tensor(x, dtype=torch.float32), torch.tensor(demand, dtype=torch.float32)


def pinball(pred, target, q):
    err = target[:, None, None] - pred
    return torch.maximum(q * err, (q - 1) * err).mean()


def main(s=Settings()):
    torch.manual_seed(s.seed)
    rng = np.random.default_rng(s.seed)
    x, y = simulate(5000, rng)
    x_val, y_val = simulate(2000, rng)
    mu, sd = y.mean(), y.std()
    q = torch.tensor(s.quantiles)
    net = nn.Sequential(nn.Linear(x.shape[1], s.hidden), nn.ReLU(), nn.Linear(s.hidden, s.hidden), nn.ReLU(), nn.Linear(s.hidden, len(q)))
    optimizer = torch.optim.Adam(net.parameters(), lr=s.lr)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, s.epochs)
    for epoch in range(s.epochs):
        total = 0.0
        for idx in torch.randperm(len(x)).split(s.batch):
            loss = pinball(net(x[idx]), (y[idx] - mu) / sd, q)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(idx)
        scheduler.step()
        with torch.no_grad():
            forecast = net(x_val) * sd + mu
            val = pinball(forecast, y_val, q).item()
            inside = ((y_val > forecast[:, 0]) & (y_val < forecast[:, 2])).float().mean().item()
        if epoch % 2 == 1:
            print(f"epoch {epoch + 1}: train {total / len(x) * sd:.3f} val {val:.3f} inside 80 % band {inside:.3f}")
    print(f"pinball loss {val:.4f}")


main()
