import gzip
import numpy as np
import torch
from torch import nn, optim

torch.manual_seed(90)
DIR = "/usr/share/datasets/fashion-mnist/"
n_train, n_test = 3000, 1000
num_epochs = 9
batch_size = 32


def load(prefix, n):
    with gzip.open(DIR + prefix + "-images-idx3-ubyte.gz", "rb") as f:
        f.read(16)
        img = np.frombuffer(f.read(n * 784), dtype=np.uint8).astype(np.float32).reshape(n, 1, 28, 28)
    with gzip.open(DIR + prefix + "-labels-idx1-ubyte.gz", "rb") as f:
        f.read(8)
        lab = np.frombuffer(f.read(n), dtype=np.uint8).astype(np.int64)
    return torch.from_numpy(img / 255.0), torch.from_numpy(lab)


x_train, y_train = load("train", n_train)
x_test, y_test = load("t10k", n_test)


class CNN(nn.Module):
    def __init__(self, c1=12, c2=24, hidden=64):
        super().__init__()
        self.conv1 = nn.Conv2d(1, c1, 5, stride=2, padding=2)
        self.conv2 = nn.Conv2d(c1, c2, 5, stride=2, padding=2)
        self.fc1 = nn.Linear(c2 * 49, hidden)
        self.drop = nn.Dropout(0.4)
        self.fc2 = nn.Linear(hidden, 10)

    def forward(self, x):
        x = torch.relu(self.conv1(x))
        x = torch.relu(self.conv2(x))
        x = torch.flatten(x, 1)
        x = self.drop(torch.relu(self.fc1(x)))
        return self.fc2(x)


model = CNN()
criterion = nn.CrossEntropyLoss()
optimizer = optim.Adam(model.parameters(), lr=1e-3)

for epoch in range(num_epochs):
    model.train()
    loss_sum = 0.0
    for idx in torch.randperm(n_train).split(batch_size):
        optimizer.zero_grad()
        loss = criterion(model(x_train[idx]), y_train[idx])
        loss.backward()
        optimizer.step()
        loss_sum += loss.item() * len(idx)

    model.eval()
    with torch.no_grad():
        logits = model(x_test)
        test_loss = criterion(logits, y_test).item()
        test_acc = (logits.argmax(1) == y_test).float().mean().item()
        train_logits = model(x_train[:1000])
        train_acc = (train_logits.argmax(1) == y_train[:1000]).float().mean().item()
    print(f"epoch {epoch + 1}/{num_epochs} | loss {loss_sum / n_train:.4f} | test loss {test_loss:.4f} "
          f"| train acc {train_acc:.4f} | test acc {test_acc:.4f}")
