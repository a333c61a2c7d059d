"""Train a small network on digits."""
import torch
import torch.nn as nn
from sklearn.datasets import load_digits

torch.manual_seed(53)
data, target = load_digits(return_X_y=True)
data, target = data.astype('float32'), target.astype('int64')
order = torch.randperm(len(data)).numpy()
data, target = data[order], target[order]
train_x, test_x = data[:1300], data[1300:]
train_y, test_y = target[:1300], target[1300:]
mean, std = train_x.mean(0), train_x.std(0)
train_x, test_x = (train_x - mean) / std, (test_x - mean) / std
train_x, test_x = torch.tensor(train_x), torch.tensor(test_x)
train_y, test_y = torch.tensor(train_y), torch.tensor(test_y)


class Classifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(64, 24)
        self.norm1 = nn.LayerNorm(24)
        self.fc2 = nn.Linear(24, 24)
        self.norm2 = nn.LayerNorm(24)
        self.act = nn.GELU()
        self.out = nn.Linear(24, 10)

    def forward(self, x):
        x = self.act(self.norm1(self.fc1(x)))
        x = self.act(self.norm2(self.fc2(x)))
        return self.out(x)


net = Classifier()

loss_fn = nn.CrossEntropyLoss()
opt = torch.optim.Adagrad(net.parameters(), lr=0.05)
sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, 10)


class Trainer:
    """Holds what a training needs."""

    def __init__(self, epochs):
        self.epochs = epochs
        self.history = []

    def run(self):
        for ep in range(self.epochs):
            net.train()
            for idx in torch.randperm(len(train_x)).split(50):
                inputs, labels = train_x[idx], train_y[idx]
                opt.zero_grad()
                pred = net(inputs)
                loss = loss_fn(pred, labels)
                loss.backward()
                opt.step()
            sched.step()
            net.eval()
            with torch.no_grad():
                val_out = net(test_x)
                val_score = (val_out.argmax(1) == test_y).float().mean().item()
            self.history.append(val_score)
            print(ep, loss.item(), "accuracy", val_score)
        return self.history


Trainer(10).run()
