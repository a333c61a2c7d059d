"""Train a small network on wine."""
import torch
from torch import nn
import torch.nn.functional as F
from sklearn.datasets import load_wine
from sklearn.preprocessing import StandardScaler
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(67)
arr, cls = load_wine(return_X_y=True)
arr, cls = arr.astype('float32'), cls.astype('int64')
order = torch.randperm(len(arr)).numpy()
arr, cls = arr[order], cls[order]
Xa, Xb = arr[:130], arr[130:]
ya, yb_ = cls[:130], cls[130:]
scaler = StandardScaler().fit(Xa)
Xa, Xb = scaler.transform(Xa), scaler.transform(Xb)
Xa, Xb = torch.tensor(Xa), torch.tensor(Xb)
ya, yb_ = torch.tensor(ya), torch.tensor(yb_)
loader = DataLoader(TensorDataset(Xa, ya), batch_size=50, shuffle=True)


def make_net():
    layers, width = [], 13
    for size in [24]:
        layers += [nn.Linear(width, size), nn.ReLU()]
        width = size
    layers.append(nn.Linear(width, 3))
    return nn.Sequential(*layers)


network = make_net()

updater = torch.optim.AdamW(network.parameters(), lr=0.005, weight_decay=0.01)


class Trainer:
    """Holds what a training needs."""

    def __init__(self, epochs):
        self.epochs = epochs
        self.history = []

    def run(self):
        for round_ in range(self.epochs):
            for batch_x, batch_y in loader:
                logits = network(batch_x)
                batch_loss = F.cross_entropy(logits, batch_y)
                batch_loss.backward()
                updater.step()
                updater.zero_grad()
            with torch.no_grad():
                val_out = network(Xb)
                val_score = (val_out.argmax(1) == yb_).float().mean().item()
            self.history.append(val_score)
            print("%d: loss=%.4f accuracy=%.4f" % (round_, batch_loss.item(), val_score))
        return self.history


Trainer(25).run()
