"""Rotation as a pretext task, on garments: which way is up?"""
import gzip
import numpy as np
import torch
import torch.nn as nn


class GarmentRotations(torch.utils.data.Dataset):
    def __init__(self, split, count):
        with gzip.open(f"/usr/share/datasets/fashion-mnist/{split}-images-idx3-ubyte.gz") as f:
            raw = f.read(16 + count * 784)
        images = np.frombuffer(raw, np.uint8, offset=16).reshape(count, 28, 28).astype(np.float32) / 255
        self.images = torch.from_numpy(images)[:, ::2, ::2]

    def __len__(self):
        return 4 * len(self.images)

    def __getitem__(self, i):
        image, turns = self.images[i % len(self.images)], i // len(self.images)
        return ((torch.rot90(image, turns) - 0.286) / 0.353).unsqueeze(0), turns


def network():
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, stride=2, padding=1), nn.GroupNorm(4, 16), nn.ReLU(),
        nn.Conv2d(16, 32, 3, stride=2, padding=1), nn.GroupNorm(4, 32), nn.ReLU(),
        nn.Flatten(), nn.Linear(32 * 16, 4))


def run_epoch(model, loader, loss_fn, optimizer=None):
    model.train(optimizer is not None)
    loss_sum, hits, seen = 0.0, 0, 0
    with torch.set_grad_enabled(optimizer is not None):
        for x, y in loader:
            out = model(x)
            loss = loss_fn(out, y)
            if optimizer is not None:
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            loss_sum += loss.item() * len(y)
            hits += (out.argmax(1) == y).sum().item()
            seen += len(y)
    return loss_sum / seen, hits / seen


if __name__ == "__main__":
    torch.manual_seed(59)
    train = torch.utils.data.DataLoader(GarmentRotations("train", 1500), batch_size=100)
    test = torch.utils.data.DataLoader(GarmentRotations("t10k", 500), batch_size=500)
    model = network()
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 6)
    for epoch in range(6):
        tr = run_epoch(model, train, nn.CrossEntropyLoss(), optimizer)
        te = run_epoch(model, test, nn.CrossEntropyLoss())
        scheduler.step()
        print("epoch {} train loss {:.4f} acc {:.4f} test loss {:.4f} acc {:.4f}".format(epoch, *tr, *te))
    print("{:.4f}".format(te[1]))
