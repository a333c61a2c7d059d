import gzip
import struct
import sys

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

FOLDER = "/usr/share/datasets/fashion-mnist/"


def idx(file, n):
    with gzip.open(FOLDER + file, "rb") as stream:
        magic = struct.unpack(">I", stream.read(4))[0]
        dims = struct.unpack(">" + "I" * (magic & 255), stream.read(4 * (magic & 255)))
        size = int(np.prod(dims[1:])) if len(dims) > 1 else 1
        return np.frombuffer(stream.read(n * size), np.uint8).reshape((n, *dims[1:]))


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 8, 5, stride=2)
        self.conv2 = nn.Conv2d(8, 16, 3)
        self.conv2_drop = nn.Dropout2d(0.1)
        self.fc1 = nn.Linear(400, 50)
        self.fc2 = nn.Linear(50, 10)

    def forward(self, x):
        x = F.relu(self.conv1(x))
        x = F.relu(F.max_pool2d(self.conv2_drop(self.conv2(x)), 2))
        x = x.reshape(-1, 400)
        x = F.relu(self.fc1(x))
        x = F.dropout(x, 0.1, training=self.training)
        return F.log_softmax(self.fc2(x), dim=1)


def main(epochs=4):
    torch.manual_seed(1)
    mean, std = 0.2860, 0.3530
    x = torch.tensor(idx("train-images-idx3-ubyte.gz", 2400)).float().unsqueeze(1)
    y = torch.tensor(idx("train-labels-idx1-ubyte.gz", 2400)).long()
    vx = torch.tensor(idx("t10k-images-idx3-ubyte.gz", 800)).float().unsqueeze(1)
    vy = torch.tensor(idx("t10k-labels-idx1-ubyte.gz", 800)).long()
    model = Net().to(memory_format=torch.channels_last)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    for epoch in range(1, epochs + 1):
        model.train()
        for batch_idx, rows in enumerate(torch.randperm(len(x)).split(60)):
            optimizer.zero_grad()
            loss = F.nll_loss(model(x[rows].to(memory_format=torch.channels_last)), y[rows])
            loss.backward()
            optimizer.step()
            if batch_idx % 20 == 0:
                print(f"Train Epoch: {epoch} [{batch_idx}]\tLoss: {loss.item():.4f}")
        model.eval()
        with torch.no_grad():
            output = model(vx)
            test_loss = F.nll_loss(output, vy).item()
            correct = output.argmax(1).eq(vy).float().mean().item()
        print(f"Test: average loss {test_loss:.4f}, accuracy {correct:.4f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
