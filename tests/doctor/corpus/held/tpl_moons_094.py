# moons: classification baseline
import torch
from torch import nn
import torch.nn.functional as F
from sklearn.datasets import make_moons

torch.manual_seed(84)
arr, cls = make_moons(1000, noise=0.15, random_state=84)
arr, cls = arr.astype('float32'), cls.astype('float32')
order = torch.randperm(len(arr)).numpy()
arr, cls = arr[order], cls[order]
Xa, Xb = arr[:750], arr[750:]
ya, yb_ = cls[:750], cls[750:]
mean, std = Xa.mean(0), Xa.std(0) + 1e-6
Xa, Xb = (Xa - mean) / std, (Xb - mean) / std
Xa, Xb = torch.tensor(Xa), torch.tensor(Xb)
ya, yb_ = torch.tensor(ya), torch.tensor(yb_)


def make_net():
    layers, width = [], 2
    for size in [64]:
        layers += [nn.Linear(width, size), nn.BatchNorm1d(size), nn.GELU()]
        width = size
    layers.append(nn.Linear(width, 1))
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
            for idx in torch.randperm(len(Xa)).split(40):
                batch_x, batch_y = Xa[idx], ya[idx]
                updater.zero_grad()
                logits = network(batch_x).view(-1)
                batch_loss = F.binary_cross_entropy_with_logits(logits, batch_y)
                batch_loss.backward()
                updater.step()
            network.eval()
            with torch.no_grad():
                val_out = network(Xb).squeeze(1)
                val_score = ((val_out > 0) == (yb_ > 0.5)).float().mean().item()
            schedule.step(F.binary_cross_entropy_with_logits(val_out, yb_).item())
            self.history.append(val_score)
            print("%d: loss=%.4f accuracy=%.4f" % (round_, batch_loss.item(), val_score))
        return self.history


Trainer(25).run()
