"""Which module does a line of code come from? Bag of character trigrams, gradients accumulated over 4 small batches."""
import os
import zlib
import argparse
import random
import torch
from torch import nn

MODULES = ["argparse.py", "decimal.py", "tarfile.py", "turtle.py", "smtplib.py"]


def lines_of(name):
    base = os.path.dirname(os.__file__)
    path = os.path.join(base, name if name != "decimal.py" else "_pydecimal.py")
    with open(path, encoding="utf-8") as f:
        return [l.strip() for l in f if len(l.strip()) > 25]


def encode(line, buckets):
    return [zlib.crc32(line[i:i + 3].encode()) % buckets for i in range(len(line) - 2)]


def collate(batch, buckets):
    flat, offsets, labels = [], [], []
    for line, label in batch:
        offsets.append(len(flat))
        flat += encode(line, buckets)
        labels.append(label)
    return torch.tensor(flat), torch.tensor(offsets), torch.tensor(labels)


class BagClassifier(nn.Module):
    def __init__(self, buckets, dim, classes):
        super().__init__()
        self.bag = nn.EmbeddingBag(buckets, dim, mode="mean")
        self.drop = nn.Dropout(0.3)
        self.fc = nn.Linear(dim, classes)

    def forward(self, flat, offsets):
        return self.fc(self.drop(self.bag(flat, offsets)))


if __name__ == "__main__":
    p = argparse.ArgumentParser()
    p.add_argument("--buckets", type=int, default=4000)
    p.add_argument("--dim", type=int, default=16)
    p.add_argument("--micro", type=int, default=16)
    p.add_argument("--accumulate", type=int, default=4)
    p.add_argument("--epochs", type=int, default=8)
    p.add_argument("--lr", type=float, default=0.01)
    a = p.parse_args()
    random.seed(19)
    torch.manual_seed(19)
    rows = [(l, k) for k, m in enumerate(MODULES) for l in set(lines_of(m))]
    rows.sort()
    random.shuffle(rows)
    rows = rows[:4200]
    train, val = sorted(rows[:3500], key=lambda r: r[1]), rows[3500:]
    model = BagClassifier(a.buckets, a.dim, len(MODULES))
    opt = torch.optim.AdamW(model.parameters(), lr=a.lr, weight_decay=0.05)
    sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, a.epochs)
    criterion = nn.CrossEntropyLoss()
    val_batch = collate(val, a.buckets)
    train_batch = collate(train[:700], a.buckets)
    for epoch in range(a.epochs):
        model.train()
        for i, start in enumerate(range(0, len(train), a.micro)):
            flat, offsets, labels = collate(train[start:start + a.micro], a.buckets)
            loss = criterion(model(flat, offsets), labels) / a.accumulate
            loss.backward()
            if (i + 1) % a.accumulate == 0:
                opt.step()
                opt.zero_grad()
        sched.step()
        model.eval()
        with torch.no_grad():
            scores = model(*val_batch[:2])
            fit = criterion(model(*train_batch[:2]), train_batch[2]).item()
            acc = (scores.argmax(1) == val_batch[2]).float().mean().item()
        print(f"epoch {epoch + 1} train {fit:.3f} val {criterion(scores, val_batch[2]).item():.3f} acc {acc:.4f}")
    print(f"accuracy {acc:.4f}")
