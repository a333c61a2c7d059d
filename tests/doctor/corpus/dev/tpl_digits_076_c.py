import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.preprocessing import StandardScaler

torch.manual_seed(63)
data, target = load_digits(return_X_y=True)
data, target = data.astype('float32'), target.astype('int64')
order = torch.randperm(len(data)).numpy()
data, target = data[order], target[order]
train_x, test_x = data[:1300], data[1300:]
train_y, test_y = target[:1300], target[1300:]
scaler = StandardScaler().fit(train_x)
train_x, test_x = scaler.transform(train_x), scaler.transform(test_x)
train_x, test_x = torch.tensor(train_x), torch.tensor(test_x)
train_y, test_y = torch.tensor(train_y), torch.tensor(test_y)


class MLP(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(64, 32)
        self.norm1 = nn.LayerNorm(32)
        self.fc2 = nn.Linear(32, 32)
        self.norm2 = nn.LayerNorm(32)
        self.act = nn.ELU()
        self.out = nn.Linear(32, 10)

    def forward(self, x):
        x = self.act(self.norm1(self.fc1(x)))
        x = self.act(self.norm2(self.fc2(x)))
        return self.out(x)


net = MLP()

opt = torch.optim.AdamW(net.parameters(), lr=0.005, weight_decay=80.0)
sched = torch.optim.lr_scheduler.OneCycleLR(opt, max_lr=0.005, total_steps=410)


def train_one_epoch():
    net.train()
    for idx in torch.randperm(len(train_x)).split(32):
        inputs, labels = train_x[idx], train_y[idx]
        pred = net(inputs)
        loss = F.cross_entropy(pred, labels)
        opt.zero_grad()
        loss.backward()
        opt.step()
        sched.step()
    return loss


def evaluate():
    net.eval()
    with torch.no_grad():
        val_out = net(test_x)
        val_score = (val_out.argmax(1) == test_y).float().mean().item()
    return val_score


for ep in range(10):
    loss = train_one_epoch()
    val_score = evaluate()
    print("%d: loss=%.4f accuracy=%.4f" % (ep, loss.item(), val_score))
