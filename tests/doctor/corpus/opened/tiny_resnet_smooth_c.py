import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim
from sklearn.datasets import load_digits
from torch.utils.data import DataLoader, Dataset


class DigitsDataset(Dataset):
    def __init__(self, train=True, augment=False):
        digits = load_digits()
        order = np.random.RandomState(0).permutation(len(digits.target))
        order = order[:1300] if train else order[1300:]
        self.data = torch.tensor(digits.images[order], dtype=torch.float32)[:, None] / 16
        self.targets = torch.tensor(digits.target[order])
        self.augment = augment
        self.mean, self.std = 0.3053, 0.3762

    def __len__(self):
        return len(self.targets)

    def __getitem__(self, i):
        img = (self.data[i] - self.mean) / self.std
        if self.augment:
            dx, dy = torch.randint(-1, 2, (2,)).tolist()
            img = torch.roll(img, (dx, dy), dims=(1, 2))
        return img, self.targets[i]


class BasicBlock(nn.Module):
    def __init__(self, in_planes, planes, stride=1):
        super(BasicBlock, self).__init__()
        self.conv1 = nn.Conv2d(in_planes, planes, 3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = nn.Conv2d(planes, planes, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.shortcut = nn.Sequential()
        if stride != 1 or in_planes != planes:
            self.shortcut = nn.Sequential(
                nn.Conv2d(in_planes, planes, 1, stride=stride, bias=False), nn.BatchNorm2d(planes))

    def forward(self, x):
        out = F.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        out += self.shortcut(x)
        return F.relu(out)


class ResNet(nn.Module):
    def __init__(self, num_classes=10):
        super(ResNet, self).__init__()
        self.conv1 = nn.Conv2d(1, 16, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        self.layer1 = BasicBlock(16, 16)
        self.layer2 = BasicBlock(16, 32, stride=2)
        self.linear = nn.Linear(32, num_classes)

    def forward(self, x):
        out = F.relu(self.bn1(self.conv1(x)))
        out = self.layer2(self.layer1(out))
        out = F.adaptive_avg_pool2d(out, 1).flatten(1)
        return self.linear(out)


def main():
    torch.manual_seed(0)
    trainloader = DataLoader(DigitsDataset(True, augment=True), batch_size=64, shuffle=True)
    testloader = DataLoader(DigitsDataset(False), batch_size=128)
    net = ResNet()
    criterion = nn.CrossEntropyLoss(label_smoothing=0.1)
    epochs = 8
    optimizer = optim.SGD(net.parameters(), lr=0.1, momentum=0.9, weight_decay=5e-4)
    scheduler = optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=epochs)

    for epoch in range(epochs):
        net.train()
        train_loss, correct, total = 0, 0, 0
        for inputs, targets in trainloader:
            optimizer.zero_grad()
            outputs = net(inputs)
            loss = criterion(outputs, targets)
            loss.backward()
            optimizer.step()
            train_loss += loss.item() * len(targets)
            correct += outputs.argmax(1).eq(targets).sum().item()
            total += len(targets)
        scheduler.step()

        hits, count = 0, 0
        with torch.no_grad():
            for inputs, targets in testloader:
                outputs = net(inputs)
                hits += outputs.argmax(1).eq(targets).sum().item()
                count += len(targets)
        print('Epoch %d: Loss %.3f | Train acc %.3f | Test acc %.4f' % (epoch, train_loss / total, correct / total, hits / count))


if __name__ == '__main__':
    main()
