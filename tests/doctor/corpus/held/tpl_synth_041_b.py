import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import make_classification
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(48)
data, target = make_classification(1200, 20, n_informative=8, n_classes=4, class_sep=1.6, n_clusters_per_class=1, flip_y=0.0, random_state=48)
data, target = data.astype('float32'), target.astype('int64')
order = torch.randperm(len(data)).numpy()
data, target = data[order], target[order]
train_x, test_x = data[:900], data[900:]
train_y, test_y = target[:900], target[900:]
mean, std = train_x.mean(0), train_x.std(0) + 1e-6
train_x, test_x = (train_x - mean) / std, (test_x - mean) / std
train_x, test_x = torch.tensor(train_x), torch.tensor(test_x)
train_y, test_y = torch.tensor(train_y), torch.tensor(test_y)
loader = DataLoader(TensorDataset(train_x, train_y), batch_size=25, shuffle=True)


class MLP(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(20, 24)
        self.fc2 = nn.Linear(24, 24)
        self.drop = nn.Dropout(0.1)
        self.act = nn.Tanh()
        self.out = nn.Linear(24, 4)

    def forward(self, x):
        x = self.drop(self.act(self.fc1(x)))
        x = self.drop(self.act(self.fc2(x)))
        return self.out(x.detach())


net = MLP()

opt = torch.optim.AdamW(net.parameters(), lr=0.005, weight_decay=0.01)
sched = torch.optim.lr_scheduler.ReduceLROnPlateau(opt, factor=0.5, patience=4)

for ep in range(14):
    net.train()
    for inputs, labels in loader:
        pred = net(inputs)
        loss = F.cross_entropy(pred, labels)
        loss.backward()
        opt.step()
        opt.zero_grad()
    net.eval()
    with torch.no_grad():
        val_out = net(test_x)
        val_score = (val_out.argmax(1) == test_y).float().mean().item()
    sched.step(F.cross_entropy(val_out, test_y).item())
    print("%d: loss=%.4f accuracy=%.4f" % (ep, loss.item(), val_score))
