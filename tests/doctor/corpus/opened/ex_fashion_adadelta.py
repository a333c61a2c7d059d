"""After the "mnist" example of pytorch/examples, on a part of Fashion-MNIST and with fewer channels."""
import argparse
import gzip

import numpy as np
import torch
from torch import nn, optim
import torch.nn.functional as F
from torch.optim.lr_scheduler import StepLR
from torch.utils.data import DataLoader, TensorDataset

FOLDER = "/usr/share/datasets/fashion-mnist/"


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv_a = nn.Conv2d(1, 12, 3)
        self.conv_b = nn.Conv2d(12, 24, 3)
        self.drop_a = nn.Dropout(0.25)
        self.drop_b = nn.Dropout(0.5)
        self.fc_a = nn.Linear(24 * 12 * 12, 64)
        self.fc_b = nn.Linear(64, 10)

    def forward(self, image):
        h = F.relu(self.conv_a(image))
        h = F.max_pool2d(F.relu(self.conv_b(h)), 2)
        h = self.drop_a(h).flatten(start_dim=1)
        h = self.drop_b(F.relu(self.fc_a(h)))
        return F.log_softmax(self.fc_b(h), dim=1)


def split(prefix, count):
    with gzip.open(f"{FOLDER}{prefix}-images-idx3-ubyte.gz") as stream:
        pixels = np.frombuffer(stream.read(16 + 784 * count), np.uint8, offset=16)
    with gzip.open(f"{FOLDER}{prefix}-labels-idx1-ubyte.gz") as stream:
        labels = np.frombuffer(stream.read(8 + count), np.uint8, offset=8)
    pixels = torch.tensor(pixels.reshape(count, 1, 28, 28), dtype=torch.float32) / 255
    return TensorDataset((pixels - 0.2860) / 0.3530, torch.tensor(labels, dtype=torch.long))


def train_one_epoch(args, model, loader, optimizer, epoch):
    model.train()
    for number, (images, labels) in enumerate(loader):
        optimizer.zero_grad()
        loss = F.nll_loss(model(images), labels)
        loss.backward()
        optimizer.step()
        if number % args.log_interval == 0:
            print(f"epoch {epoch} batch {number}/{len(loader)} loss {loss.item():.4f}")


def test(model, loader):
    model.eval()
    loss = hits = 0
    with torch.no_grad():
        for images, labels in loader:
            output = model(images)
            loss += F.nll_loss(output, labels, reduction="sum").item()
            hits += output.argmax(dim=1).eq(labels).sum().item()
    n = len(loader.dataset)
    print(f"test: average loss {loss / n:.4f}, accuracy {hits}/{n} {hits / n:.4f}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--lr", type=float, default=1.0)
    parser.add_argument("--gamma", type=float, default=0.7)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--log-interval", type=int, default=10)
    args = parser.parse_args()
    torch.manual_seed(args.seed)

    train_loader = DataLoader(split("train", 2500), batch_size=args.batch_size)
    test_loader = DataLoader(split("t10k", 1000), batch_size=500)
    model = Net()
    optimizer = optim.Adadelta(model.parameters(), lr=args.lr)
    scheduler = StepLR(optimizer, step_size=1, gamma=args.gamma)
    for epoch in range(1, args.epochs + 1):
        train_one_epoch(args, model, train_loader, optimizer, epoch)
        test(model, test_loader)
        scheduler.step()


if __name__ == "__main__":
    main()
