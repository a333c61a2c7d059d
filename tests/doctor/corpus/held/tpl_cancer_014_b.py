"""Train a small network on cancer."""
import torch
from torch import nn
from sklearn.datasets import load_breast_cancer
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(54)
arr, cls = load_breast_cancer(return_X_y=True)
arr, cls = arr.astype('float32'), cls.astype('float32')
order = torch.randperm(len(arr)).numpy()
arr, cls = arr[order], cls[order]
Xa, Xb = arr[:420], arr[420:]
ya, yb_ = cls[:420], cls[420:]
mean, std = Xa.mean(0), Xa.std(0) + 1e-6
Xa, Xb = (Xa - mean) / std, (Xb - mean) / std
Xa, Xb = torch.tensor(Xa), torch.tensor(Xb)
ya, yb_ = torch.tensor(ya), torch.tensor(yb_)
ya, yb_ = ya[:, None], yb_[:, None]
loader = DataLoader(TensorDataset(Xa, ya), batch_size=32, shuffle=True)


def make_net():
    layers, width = [], 30
    for size in [64, 64]:
        layers += [nn.Linear(width, size), nn.LeakyReLU(), nn.Dropout(0.1)]
        width = size
    layers += [nn.Linear(width, 1), nn.Sigmoid()]
    return nn.Sequential(*layers)


network = make_net()

lossf = nn.BCEWithLogitsLoss()
updater = torch.optim.Adam(network.parameters(), lr=0.005)


class Trainer:
    """Holds what a training needs."""

    def __init__(self, epochs):
        self.epochs = epochs
        self.history = []

    def run(self):
        for round_ in range(self.epochs):
            network.train()
            for batch_x, batch_y in loader:
                logits = network(batch_x)
                batch_loss = lossf(logits, batch_y)
                batch_loss.backward()
                updater.step()
                updater.zero_grad()
            network.eval()
            with torch.no_grad():
                val_out = network(Xb)
                val_score = ((val_out > 0.5) == (yb_ > 0.5)).float().mean().item()
            self.history.append(val_score)
            print(f"{round_} loss {batch_loss.item():.4f} val accuracy {val_score:.4f}")
        return self.history


Trainer(12).run()
