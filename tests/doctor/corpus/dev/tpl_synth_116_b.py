import numpy as np
import torch
from torch import nn
from sklearn.datasets import make_classification

torch.manual_seed(39)
data, target = make_classification(1200, 20, n_informative=8, n_classes=4, class_sep=1.6, n_clusters_per_class=1, flip_y=0.0, random_state=39)
data, target = data.astype('float32'), target.astype('int64')
order = torch.randperm(len(data)).numpy()
data, target = data[order], target[order]
train_x, test_x = data[:900], data[900:]
train_y, test_y = target[:900], target[900:]
mean, std = train_x.mean(0), train_x.std(0) + 1e-6
train_x, test_x = (train_x - mean) / std, (test_x - mean) / std
train_x, train_y, test_x, test_y = map(torch.from_numpy, (train_x, train_y, test_x, test_y))

net = nn.Sequential(
    nn.Linear(20, 1),
    nn.LeakyReLU(),
    nn.Linear(1, 4),
)

loss_fn = nn.CrossEntropyLoss()
opt = torch.optim.NAdam(net.parameters(), lr=0.004)
sched = torch.optim.lr_scheduler.ExponentialLR(opt, gamma=0.873)

for ep in range(14):
    for idx in torch.randperm(len(train_x)).split(25):
        inputs, labels = train_x[idx], train_y[idx]
        pred = net(inputs)
        loss = loss_fn(pred, labels)
        loss.backward()
        opt.step()
        opt.zero_grad()
    sched.step()
    with torch.no_grad():
        val_out = net(test_x)
        val_score = (val_out.argmax(1) == test_y).float().mean().item()
    print(f"{ep} loss {loss.item():.4f} val accuracy {val_score:.4f}")
