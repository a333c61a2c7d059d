"""Train a small network on moons."""
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import make_moons

torch.manual_seed(11)
data, target = make_moons(1000, noise=0.15, random_state=11)
data, target = data.astype('float32'), target.astype('float32')
order = torch.randperm(len(data)).numpy()
data, target = data[order], target[order]
train_x, test_x = data[:750], data[750:]
train_y, test_y = target[:750], target[750:]
mean, std = train_x.mean(0), train_x.std(0) + 1e-6
train_x, test_x = (train_x - mean) / std, (test_x - mean) / std
train_x, train_y, test_x, test_y = map(torch.from_numpy, (train_x, train_y, test_x, test_y))


class Classifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden = nn.ModuleList(nn.Linear(a, b) for a, b in [(2, 64)])
        self.act = nn.GELU()
        self.head = nn.Linear(64, 1)

    def forward(self, x):
        for layer in self.hidden:
            x = self.act(layer(x))
        return self.head(x)


net = Classifier()

opt = torch.optim.SGD(net.parameters(), lr=0.2)

for ep in range(35):
    for idx in torch.randperm(len(train_x)).split(40):
        inputs, labels = train_x[idx], train_y[idx]
        pred = net(inputs).view(-1)
        loss = F.binary_cross_entropy_with_logits(pred, labels)
        opt.zero_grad()
        loss.backward()
        opt.step()
    with torch.no_grad():
        val_out = net(test_x).squeeze(1)
        val_score = ((val_out > 0) == (test_y > 0.5)).float().mean().item()
    print(ep, loss.item(), "accuracy", val_score)
