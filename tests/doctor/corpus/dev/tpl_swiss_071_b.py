# swiss: regression baseline
import torch
from torch import nn
from sklearn.datasets import make_swiss_roll

torch.manual_seed(67)
data, target = make_swiss_roll(1000, noise=0.3, random_state=67)
data, target = data.astype('float32'), target.astype('float32')
order = torch.randperm(len(data)).numpy()
data, target = data[order], target[order]
train_x, test_x = data[:750], data[750:]
train_y, test_y = target[:750], target[750:]
mean, std = train_x.mean(0), train_x.std(0) + 1e-6
train_x = (train_x - mean) / std
centre, unit = train_y.mean(), train_y.std()
train_y, test_y = (train_y - centre) / unit, (test_y - centre) / unit
train_x, test_x = torch.tensor(train_x), torch.tensor(test_x)
train_y, test_y = torch.tensor(train_y), torch.tensor(test_y)


class Regressor(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden = nn.ModuleList(nn.Linear(a, b) for a, b in [(3, 32), (32, 32)])
        self.norms = nn.ModuleList(nn.LayerNorm(w) for w in [32, 32])
        self.act = nn.ReLU()
        self.head = nn.Linear(32, 1)

    def forward(self, x):
        for layer, norm in zip(self.hidden, self.norms):
            x = self.act(norm(layer(x)))
        return self.head(x)


net = Regressor()

loss_fn = nn.MSELoss()
opt = torch.optim.NAdam(net.parameters(), lr=0.004)
sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, 25)

for ep in range(25):
    net.train()
    for idx in torch.randperm(len(train_x)).split(40):
        inputs, labels = train_x[idx], train_y[idx]
        opt.zero_grad()
        pred = net(inputs).squeeze(1)
        loss = loss_fn(pred, labels)
        loss.backward()
        opt.step()
    sched.step()
    net.eval()
    with torch.no_grad():
        val_out = net(test_x).squeeze(1)
        val_score = ((val_out - test_y) ** 2).mean().item()
    print(f"{ep} loss {loss.item():.4f} val mse {val_score:.4f}")
