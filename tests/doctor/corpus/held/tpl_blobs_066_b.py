import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import make_blobs
from sklearn.preprocessing import StandardScaler

torch.manual_seed(92)
data, target = make_blobs(1000, 12, centers=5, cluster_std=4.0, random_state=92)
data, target = data.astype('float32'), target.astype('int64')
order = torch.randperm(len(data)).numpy()
data, target = data[order], target[order]
train_x, test_x = data[:750], data[750:]
train_y, test_y = target[:750], target[750:]
scaler = StandardScaler().fit(train_x)
train_x, test_x = scaler.transform(train_x), scaler.transform(test_x)
train_x, test_x = torch.tensor(train_x), torch.tensor(test_x)
train_y, test_y = torch.tensor(train_y), torch.tensor(test_y)


class MLP(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(12, 48)
        self.norm1 = nn.LayerNorm(48)
        self.fc2 = nn.Linear(48, 48)
        self.norm2 = nn.LayerNorm(48)
        self.act = nn.LeakyReLU()
        self.out = nn.Linear(48, 5)

    def forward(self, x):
        x = self.act(self.norm1(self.fc1(x)))
        x = self.act(self.norm2(self.fc2(x)))
        return self.out(x)


net = MLP()

opt = torch.optim.SGD(net.parameters(), lr=30.0, momentum=0.9)
sched = torch.optim.lr_scheduler.LambdaLR(opt, lambda step: min(1.0, (step + 1) / 30))


class Trainer:
    """Holds what a training needs."""

    def __init__(self, epochs):
        self.epochs = epochs
        self.history = []

    def run(self):
        for ep in range(self.epochs):
            for _ in range(19):
                idx = torch.randint(0, len(train_x), (40,))
                inputs, labels = train_x[idx], train_y[idx]
                pred = net(inputs)
                loss = F.cross_entropy(pred, labels)
                loss.backward()
                opt.step()
                opt.zero_grad()
                sched.step()
            with torch.no_grad():
                val_out = net(test_x)
                val_score = (val_out.argmax(1) == test_y).float().mean().item()
            self.history.append(val_score)
            print(f"{ep} loss {loss.item():.4f} val accuracy {val_score:.4f}")
        return self.history


Trainer(12).run()
