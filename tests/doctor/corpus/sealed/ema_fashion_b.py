"""Fashion-MNIST with an exponential moving average of the weights, warm-up and cosine decay."""
import copy
import gzip
import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

DIR = "/usr/share/datasets/fashion-mnist"
SEED, N_TRAIN, N_VAL, BATCH, EPOCHS, PEAK, WARM = 18, 5000, 2000, 64, 8, 3e-3, 60


def idx(path, offset, count):
    return np.frombuffer(gzip.open(path).read(offset + count), np.uint8, offset=offset).copy()


def split(kind, n):
    x = idx(f"{DIR}/{kind}-images-idx3-ubyte.gz", 16, n * 784).reshape(n, 784)
    y = idx(f"{DIR}/{kind}-labels-idx1-ubyte.gz", 8, n)
    return torch.from_numpy(x / 255.0).float().sub(0.286).div(0.353), torch.from_numpy(y).long()


class Ema:
    def __init__(self, model, decay=0.98):
        self.model = copy.deepcopy(model).eval()
        self.decay = decay
        for p in self.model.parameters():
            p.requires_grad_(False)

    @torch.no_grad()
    def update(self, model):
        for kept, new in zip(self.model.parameters(), model.parameters()):
            kept.lerp_(new, 1 - self.decay)


def main():
    torch.manual_seed(SEED)
    x, y = split("train", N_TRAIN)
    xv, yv = split("t10k", N_VAL)
    model = nn.Sequential(nn.Linear(784, 128), nn.LayerNorm(128), nn.GELU(), nn.Dropout(0.3), nn.Linear(128, 64), nn.GELU(), nn.Dropout(0.2), nn.Linear(64, 10))
    ema = Ema(model)
    opt = torch.optim.AdamW(model.parameters(), lr=PEAK, weight_decay=0.02)
    steps = EPOCHS * math.ceil(N_TRAIN / BATCH)

    def factor(step):
        if step < WARM:
            return (step + 1) / WARM
        return 0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * (step - WARM) / (steps - WARM)))

    sched = torch.optim.lr_scheduler.LambdaLR(opt, factor)
    for epoch in range(EPOCHS):
        model.train()
        seen = 0.0
        for rows in torch.randperm(N_TRAIN).split(BATCH):
            loss = F.cross_entropy(model(x[rows]), y[rows])
            opt.zero_grad()
            loss.backward()
            opt.step()
            ema.update(model)
            seen += loss.item() * len(rows)
        sched.step()
        with torch.no_grad():
            out = ema.model(xv)
            fit = F.cross_entropy(ema.model(x[:2000]), y[:2000]).item()
            print(f"epoch {epoch} lr {sched.get_last_lr()[0]:.2e} train {seen / N_TRAIN:.4f} | averaged weights: train {fit:.4f} val {F.cross_entropy(out, yv).item():.4f} acc {(out.argmax(1) == yv).float().mean().item():.4f}")
    print((out.argmax(1) == yv).float().mean().item())


main()
