import torch
import torch.nn as nn
from sklearn.datasets import load_digits


class Loop:
    def __init__(self, net, lr, decay):
        self.net, self.step_count = net, 0
        self.opt = torch.optim.AdamW(net.parameters(), lr=lr, weight_decay=decay)
        self.crit = nn.CrossEntropyLoss()

    def train(self, x, y, size=25):
        self.net.train()
        seen = 0.0
        for rows in torch.randperm(len(x)).split(size):
            self.opt.zero_grad()
            loss = self.crit(self.net(x[rows]), y[rows])
            loss.backward()
            self.opt.step()
            self.step_count += 1
            seen += loss.item() * len(rows)
        return seen / len(x)

    def test(self, x, y):
        self.net.eval()
        with torch.no_grad():
            return self.crit(self.net(x), y).item()


def build(width, drop):
    return nn.Sequential(nn.Linear(64, width), nn.ReLU(), nn.Dropout(drop), nn.Linear(width, 10))


torch.manual_seed(3)
data = load_digits()
x, y = torch.tensor(data.data / 8 - 1, dtype=torch.float32), torch.tensor(data.target)
p = torch.randperm(len(x))
x, y = x[p], y[p]
flip = torch.rand(len(y)) < 0.2
y[flip] = torch.randint(0, 10, (int(flip.sum()),))
loop = Loop(build(32, 0.4), lr=1e-6, decay=0.3)
EPOCHS = 9
for e in range(EPOCHS):
    tr = loop.train(x[:500], y[:500])
    va = loop.test(x[500:], y[500:])
    print(f"epoch {e} ({loop.step_count} steps) train {tr:.3f} val {va:.3f}")
