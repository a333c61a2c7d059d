import argparse
import gzip

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.optim.lr_scheduler import MultiStepLR


def read(path, header, count, shape):
    with gzip.open(path, "rb") as fh:
        fh.read(header)
        return np.frombuffer(fh.read(count), dtype=np.uint8).reshape(shape).copy()


class Block(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)

    def forward(self, x):
        out = F.relu(self.bn1(self.conv1(x)))
        return F.relu(x + self.bn2(self.conv2(out)))


class ResNet(nn.Module):
    def __init__(self, channels=12, n_classes=10):
        super().__init__()
        self.stem = nn.Conv2d(1, channels, 4, stride=4, bias=False)
        self.bn = nn.BatchNorm2d(channels)
        self.block = Block(channels)
        self.fc = nn.Linear(channels * 49, n_classes)

    def forward(self, x):
        x = F.relu(self.bn(self.stem(x)))
        return self.fc(self.block(x).flatten(1))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", default="/usr/share/datasets/fashion-mnist")
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--lr", type=float, default=0.05)
    parser.add_argument("--batch-size", type=int, default=50)
    args = parser.parse_args()
    torch.manual_seed(42)
    n, m = 2000, 1000
    x = read(f"{args.data}/train-images-idx3-ubyte.gz", 16, n * 784, (n, 1, 28, 28))
    y = read(f"{args.data}/train-labels-idx1-ubyte.gz", 8, n, (n,))
    xt = read(f"{args.data}/t10k-images-idx3-ubyte.gz", 16, m * 784, (m, 1, 28, 28))
    yt = read(f"{args.data}/t10k-labels-idx1-ubyte.gz", 8, m, (m,))
    x = (torch.from_numpy(x).float() / 255 - 0.286) / 0.353
    xt = torch.from_numpy(xt).float()
    y, yt = [torch.from_numpy(a).long() for a in (y, yt)]

    model = ResNet()
    optimizer = torch.optim.SGD(model.parameters(), lr=args.lr, momentum=0.9, weight_decay=5e-4)
    scheduler = MultiStepLR(optimizer, milestones=[3, 4], gamma=0.2)
    for epoch in range(args.epochs):
        model.train()
        for idx in torch.randperm(n).split(args.batch_size):
            optimizer.zero_grad()
            loss = F.cross_entropy(model(x[idx]), y[idx])
            loss.backward()
            optimizer.step()
        scheduler.step()
        model.eval()
        with torch.no_grad():
            acc = (model(xt).argmax(1) == yt).float().mean().item()
        print(f"epoch {epoch}: train loss {loss.item():.3f} test accuracy {acc:.3f}")


if __name__ == "__main__":
    main()
