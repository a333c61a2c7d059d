# wine: classification baseline
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_wine
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(64)
data, target = load_wine(return_X_y=True)
data, target = data.astype('float32'), target.astype('int64')
order = torch.randperm(len(data)).numpy()
data, target = data[order], target[order]
train_x, test_x = data[:130], data[130:137]
train_y, test_y = target[:130], target[130:137]
mean, std = train_x.mean(0), train_x.std(0) + 1e-6
train_x, test_x = (train_x - mean) / std, (test_x - mean) / std
train_x, test_x = torch.tensor(train_x), torch.tensor(test_x)
train_y, test_y = torch.tensor(train_y), torch.tensor(test_y)
loader = DataLoader(TensorDataset(train_x, train_y), batch_size=40, shuffle=True)


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(13, 48)
        self.fc2 = nn.Linear(48, 48)
        self.act = nn.SiLU()
        self.out = nn.Linear(48, 3)

    def forward(self, x):
        x = self.act(self.fc1(x))
        x = self.act(self.fc2(x))
        return self.out(x)


net = Model()

opt = torch.optim.SGD(net.parameters(), lr=0.2)

for ep in range(35):
    for inputs, labels in loader:
        pred = net(inputs)
        loss = F.cross_entropy(pred, labels)
        loss.backward()
        opt.step()
        opt.zero_grad()
    with torch.no_grad():
        val_out = net(test_x)
        val_score = (val_out.argmax(1) == test_y).float().mean().item()
    print(f"{ep} loss {loss.item():.4f} val accuracy {val_score:.4f}")
