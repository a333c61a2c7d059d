import torch
from torch import nn
from sklearn.datasets import make_s_curve

torch.manual_seed(97)
data, target = make_s_curve(1000, noise=0.1, random_state=97)
data, target = data.astype('float32'), target.astype('float32')
order = torch.randperm(len(data)).numpy()
data, target = data[order], target[order]
train_x, test_x = data[:750], data[750:]
train_y, test_y = target[:750], target[750:]
mean, std = train_x.mean(0), train_x.std(0) + 1e-6
train_x, test_x = (train_x - mean) / std, (test_x - mean) / std
centre, unit = train_y.mean(), train_y.std()
train_y, test_y = (train_y - centre) / unit, (test_y - centre) / unit
train_x, test_x = torch.tensor(train_x), torch.tensor(test_x)
train_y, test_y = torch.tensor(train_y), torch.tensor(test_y)


class Regressor(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden = nn.ModuleList(nn.Linear(a, b) for a, b in [(3, 32)])
        self.norms = nn.ModuleList(nn.LayerNorm(w) for w in [32])
        self.act = nn.ReLU()
        self.head = nn.Linear(32, 1)

    def forward(self, x):
        for layer, norm in zip(self.hidden, self.norms):
            x = self.act(norm(layer(x)))
        return self.head(x)


net = Regressor()

loss_fn = nn.MSELoss()
opt = torch.optim.Adam(net.parameters(), lr=0.005)
sched = torch.optim.lr_scheduler.ReduceLROnPlateau(opt, factor=0.5, patience=4)


def train():
    for start in range(0, len(train_x), 40):
        inputs = train_x[start : start + 40]
        labels = train_y[start : start + 40]
        opt.zero_grad()
        pred = net(inputs).squeeze(1)
        loss = loss_fn(pred, labels)
        loss.backward()
        opt.step()
    return loss


def test():
    with torch.no_grad():
        val_out = net(test_x).squeeze(1)
        val_score = ((val_out - test_y) ** 2).mean().item()
    sched.step(loss_fn(val_out, test_y).item())
    return val_score


for ep in range(25):
    loss = train()
    val_score = test()
    print(ep, loss.item(), "mse", val_score)
