"""Train a small network on synth."""
import numpy as np
import torch
from torch import nn
import torch.nn.functional as F
from sklearn.datasets import make_classification
from sklearn.preprocessing import StandardScaler
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(69)
data, target = make_classification(1200, 20, n_informative=8, n_classes=4, class_sep=1.6, n_clusters_per_class=1, flip_y=0.0, random_state=69)
data, target = data.astype('float32'), target.astype('int64')
order = torch.randperm(len(data)).numpy()
data, target = data[order], target[order]
train_x, test_x = data[:900], data[900:]
train_y, test_y = target[:900], target[900:]
scaler = StandardScaler().fit(train_x)
train_x, test_x = scaler.transform(train_x), scaler.transform(test_x)
train_x, test_x = torch.tensor(train_x), torch.tensor(test_x)
train_y, test_y = torch.tensor(train_y), torch.tensor(test_y)
loader = DataLoader(TensorDataset(train_x, train_y), batch_size=50, shuffle=True)

net = nn.Sequential(
    nn.Linear(20, 24),
    nn.SiLU(),
    nn.Dropout(0.1),
    nn.Linear(24, 24),
    nn.SiLU(),
    nn.Dropout(0.1),
    nn.Linear(24, 4),
    nn.Softmax(dim=1),
)

opt = torch.optim.RAdam(net.parameters(), lr=0.01)
sched = torch.optim.lr_scheduler.ReduceLROnPlateau(opt, factor=0.5, patience=4)


def train():
    net.train()
    for inputs, labels in loader:
        pred = net(inputs)
        loss = F.cross_entropy(pred, labels)
        opt.zero_grad()
        loss.backward()
        opt.step()
    return loss


def test():
    net.eval()
    with torch.no_grad():
        val_out = net(test_x)
        val_score = (val_out.argmax(1) == test_y).float().mean().item()
    sched.step(F.cross_entropy(val_out, test_y).item())
    return val_score


for ep in range(14):
    loss = train()
    val_score = test()
    print(ep, loss.item(), "accuracy", val_score)
