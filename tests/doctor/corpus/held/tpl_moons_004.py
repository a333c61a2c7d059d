"""Train a small network on moons."""
import numpy as np
import torch
from torch import nn
from sklearn.datasets import make_moons
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(88)
arr, cls = make_moons(1000, noise=0.15, random_state=88)
arr, cls = arr.astype('float32'), cls.astype('float32')
order = torch.randperm(len(arr)).numpy()
arr, cls = arr[order], cls[order]
Xa, Xb = arr[:750], arr[750:]
ya, yb_ = cls[:750], cls[750:]
mean, std = Xa.mean(0), Xa.std(0) + 1e-6
Xa, Xb = (Xa - mean) / std, (Xb - mean) / std
Xa, Xb = torch.tensor(Xa), torch.tensor(Xb)
ya, yb_ = torch.tensor(ya), torch.tensor(yb_)
loader = DataLoader(TensorDataset(Xa, ya), batch_size=25, shuffle=True)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden = nn.ModuleList(nn.Linear(a, b) for a, b in [(2, 24), (24, 24)])
        self.act = nn.SiLU()
        self.head = nn.Linear(24, 1)

    def forward(self, x):
        for layer in self.hidden:
            x = self.act(layer(x))
        return self.head(x)


network = Net()

lossf = nn.BCEWithLogitsLoss()
updater = torch.optim.Adam(network.parameters(), lr=0.005)
schedule = torch.optim.lr_scheduler.CosineAnnealingLR(updater, 25)


def train():
    for batch_x, batch_y in loader:
        logits = network(batch_x).squeeze(1)
        batch_loss = lossf(logits, batch_y)
        updater.zero_grad()
        batch_loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 5.0)
        updater.step()
    schedule.step()
    return batch_loss


def test():
    with torch.no_grad():
        val_out = network(Xb).squeeze(1)
        val_score = ((val_out > 0) == (yb_ > 0.5)).float().mean().item()
    return val_score


for round_ in range(25):
    batch_loss = train()
    val_score = test()
    print(f"{round_} loss {batch_loss.item():.4f} val accuracy {val_score:.4f}")
