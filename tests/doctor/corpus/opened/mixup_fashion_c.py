import gzip
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(31)
np.random.seed(31)
path = "/usr/share/datasets/fashion-mnist/"


def images(name, n):
    return np.frombuffer(gzip.open(path + name).read(16 + n * 784), dtype=np.uint8, offset=16).reshape(n, 784)


def labels(name, n):
    return np.frombuffer(gzip.open(path + name).read(8 + n), dtype=np.uint8, offset=8).astype(np.int64)


x_train = torch.tensor(images("train-images-idx3-ubyte.gz", 5000) / 255.0, dtype=torch.float32)
y_train = torch.tensor(labels("train-labels-idx1-ubyte.gz", 5000))
x_test = torch.tensor(images("t10k-images-idx3-ubyte.gz", 2000), dtype=torch.float32)
y_test = torch.tensor(labels("t10k-labels-idx1-ubyte.gz", 2000))


def mixup_data(x, y, alpha=0.2):
    lam = np.random.beta(alpha, alpha)
    index = torch.randperm(x.size(0))
    mixed_x = lam * x + (1 - lam) * x[index]
    return mixed_x, y, y[index], lam


def mixup_criterion(criterion, pred, y_a, y_b, lam):
    return lam * criterion(pred, y_a) + (1 - lam) * criterion(pred, y_b)


class MLP(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(784, 200)
        self.fc2 = nn.Linear(200, 100)
        self.fc3 = nn.Linear(100, 10)

    def forward(self, x):
        x = F.gelu(self.fc1(x))
        x = F.gelu(self.fc2(x))
        return self.fc3(x)


net = MLP()
criterion = nn.CrossEntropyLoss(label_smoothing=0.05)
optimizer = torch.optim.SGD(net.parameters(), lr=0.08, momentum=0.9, nesterov=True, weight_decay=5e-4)
epochs = 12
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=epochs)

for epoch in range(epochs):
    net.train()
    train_loss = 0
    batches = torch.randperm(len(x_train)).split(100)
    for b in batches:
        inputs, y_a, y_b, lam = mixup_data(x_train[b], y_train[b])
        outputs = net(inputs)
        loss = mixup_criterion(criterion, outputs, y_a, y_b, lam)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        train_loss += loss.item()
    scheduler.step()
    net.eval()
    with torch.no_grad():
        out = net(x_test)
    print('epoch %d, mixed train loss %.4f, test loss %.4f, test acc %.4f' % (
        epoch, train_loss / len(batches), F.cross_entropy(out, y_test), (out.argmax(1) == y_test).float().mean()))
