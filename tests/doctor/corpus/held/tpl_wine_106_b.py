import torch
from torch import nn
from sklearn.datasets import load_wine
from sklearn.preprocessing import StandardScaler
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(7)
data, target = load_wine(return_X_y=True)
data, target = data.astype('float32'), target.astype('int64')
order = torch.randperm(len(data)).numpy()
data, target = data[order], target[order]
train_x, test_x = data[:130], data[130:]
train_y, test_y = target[:130], target[130:]
scaler = StandardScaler().fit(train_x)
train_x, test_x = scaler.transform(train_x), scaler.transform(test_x)
train_x, test_x = torch.tensor(train_x), torch.tensor(test_x)
train_y, test_y = torch.tensor(train_y), torch.tensor(test_y)
loader = DataLoader(TensorDataset(train_x, train_y), batch_size=50, shuffle=True)


class MLP(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(13, 32)
        self.act = nn.ReLU()
        self.out = nn.Linear(32, 3)

    def forward(self, x):
        x = self.act(self.fc1(x))
        return self.out(x)


net = MLP()

loss_fn = nn.CrossEntropyLoss()
opt = torch.optim.NAdam(net.parameters(), lr=0.004)


class Trainer:
    """Holds what a training needs."""

    def __init__(self, epochs):
        self.epochs = epochs
        self.history = []

    def run(self):
        for ep in range(self.epochs):
            for inputs, labels in loader:
                opt.zero_grad()
                pred = net(inputs)
                loss = loss_fn(pred, labels)
                loss.backward()
                opt.step()
            with torch.no_grad():
                val_out = net(test_x)
                val_score = (val_out.argmax(1) == test_y).float().mean().item()
            self.history.append(val_score)
            print("%d: loss=%.4f accuracy=%.4f" % (ep, loss.item(), val_score))
        return self.history


Trainer(250).run()
