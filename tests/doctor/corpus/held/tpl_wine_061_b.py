# wine: classification baseline
import torch
from torch import nn
import torch.nn.functional as F
from sklearn.datasets import load_wine
from sklearn.preprocessing import StandardScaler

torch.manual_seed(16)
data, target = load_wine(return_X_y=True)
data, target = data.astype('float32'), target.astype('int64')
order = torch.randperm(len(data)).numpy()
data, target = data[order], target[order]
train_x, test_x = data[:130], data[130:]
train_y, test_y = target[:130], target[130:]
scaler = StandardScaler().fit(train_x)
train_x, test_x = scaler.transform(train_x), scaler.transform(test_x)
train_x, train_y, test_x, test_y = map(torch.from_numpy, (train_x, train_y, test_x, test_y))


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden = nn.ModuleList(nn.Linear(a, b) for a, b in [(13, 24), (24, 24)])
        self.act = nn.ReLU()
        self.head = nn.Linear(24, 3)

    def forward(self, x):
        for layer in self.hidden:
            x = self.act(layer(x))
        return self.head(x)


net = Net()

for layer in net.modules():
    if isinstance(layer, nn.Linear) and layer.out_features == 24:
        nn.init.constant_(layer.bias, -9.0)
opt = torch.optim.SGD(net.parameters(), lr=0.2)
sched = torch.optim.lr_scheduler.LambdaLR(opt, lambda step: min(1.0, (step + 1) / 30))


class Trainer:
    """Holds what a training needs."""

    def __init__(self, epochs):
        self.epochs = epochs
        self.history = []

    def run(self):
        for ep in range(self.epochs):
            for start in range(0, len(train_x), 40):
                inputs = train_x[start : start + 40]
                labels = train_y[start : start + 40]
                opt.zero_grad()
                pred = net(inputs)
                loss = F.cross_entropy(pred, labels)
                loss.backward()
                opt.step()
                sched.step()
            with torch.no_grad():
                val_out = net(test_x)
                val_score = (val_out.argmax(1) == test_y).float().mean().item()
            self.history.append(val_score)
            print(f"{ep} loss {loss.item():.4f} val accuracy {val_score:.4f}")
        return self.history


Trainer(35).run()
