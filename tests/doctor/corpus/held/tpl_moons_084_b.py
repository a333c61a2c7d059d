"""Train a small network on moons."""
import torch
from torch import nn
import torch.nn.functional as F
from sklearn.datasets import make_moons
from sklearn.preprocessing import StandardScaler
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(54)
arr, cls = make_moons(1000, noise=0.15, random_state=54)
arr, cls = arr.astype('float32'), cls.astype('int64')
order = torch.randperm(len(arr)).numpy()
arr, cls = arr[order], cls[order]
Xa, Xb = arr[:750], arr[750:]
ya, yb_ = cls[:750], cls[750:]
scaler = StandardScaler().fit(Xa)
Xa, Xb = scaler.transform(Xa), scaler.transform(Xb)
Xa, ya, Xb, yb_ = map(torch.from_numpy, (Xa, ya, Xb, yb_))
loader = DataLoader(TensorDataset(Xa, ya), batch_size=32, shuffle=True)


def make_net():
    layers, width = [], 2
    for size in [32]:
        layers += [nn.Linear(width, size), nn.LayerNorm(size), nn.SiLU()]
        width = size
    layers += [nn.Linear(width, 2), nn.Softmax(dim=1)]
    return nn.Sequential(*layers)


network = make_net()

updater = torch.optim.NAdam(network.parameters(), lr=0.004)
schedule = torch.optim.lr_scheduler.ReduceLROnPlateau(updater, factor=0.5, patience=4)


class Trainer:
    """Holds what a training needs."""

    def __init__(self, epochs):
        self.epochs = epochs
        self.history = []

    def run(self):
        for round_ in range(self.epochs):
            network.train()
            for batch_x, batch_y in loader:
                updater.zero_grad()
                logits = network(batch_x)
                batch_loss = F.cross_entropy(logits, batch_y)
                batch_loss.backward()
                updater.step()
            network.eval()
            with torch.no_grad():
                val_out = network(Xb)
                val_score = (val_out.argmax(1) == yb_).float().mean().item()
            schedule.step(F.cross_entropy(val_out, yb_).item())
            self.history.append(val_score)
            print(f"{round_} loss {batch_loss.item():.4f} val accuracy {val_score:.4f}")
        return self.history


Trainer(25).run()
