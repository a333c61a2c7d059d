import torch
from torch import nn
import torch.nn.functional as F
from sklearn.datasets import make_friedman1
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(34)
data, target = make_friedman1(1200, 8, noise=0.5, random_state=34)
data, target = data.astype('float32'), target.astype('float32')
order = torch.randperm(len(data)).numpy()
data, target = data[order], target[order]
train_x, test_x = data[:900], data[900:]
train_y, test_y = target[:900], target[900:]
mean, std = train_x.mean(0), train_x.std(0) + 1e-6
train_x, test_x = (train_x - mean) / std, (test_x - mean) / std
centre, unit = train_y.mean(), train_y.std()
train_y, test_y = (train_y - centre) / unit, (test_y - centre) / unit
train_x, test_x = torch.tensor(train_x), torch.tensor(test_x)
train_y, test_y = torch.tensor(train_y), torch.tensor(test_y)
train_y, test_y = train_y[:, None], test_y[:, None]
loader = DataLoader(TensorDataset(train_x, train_y), batch_size=32, shuffle=True)


class MLP(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(8, 24)
        self.drop = nn.Dropout(0.1)
        self.act = nn.ELU()
        self.out = nn.Linear(24, 1)

    def forward(self, x):
        x = self.drop(self.act(self.fc1(x)))
        return nn.Sigmoid()(self.out(x))


net = MLP()

opt = torch.optim.AdamW(net.parameters(), lr=0.005, weight_decay=0.01)
sched = torch.optim.lr_scheduler.ReduceLROnPlateau(opt, factor=0.5, patience=4)


class Trainer:
    """Holds what a training needs."""

    def __init__(self, epochs):
        self.epochs = epochs
        self.history = []

    def run(self):
        for ep in range(self.epochs):
            net.train()
            for inputs, labels in loader:
                pred = net(inputs)
                loss = F.mse_loss(pred, labels)
                opt.zero_grad()
                loss.backward()
                opt.step()
            net.eval()
            with torch.no_grad():
                val_out = net(test_x)
                val_score = ((val_out - test_y) ** 2).mean().item()
            sched.step(F.mse_loss(val_out, test_y).item())
            self.history.append(val_score)
            print(ep, loss.item(), "mse", val_score)
        return self.history


Trainer(25).run()
