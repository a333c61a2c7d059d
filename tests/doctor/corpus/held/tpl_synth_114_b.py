# synth: classification baseline
import numpy as np
import torch
from torch import nn
import torch.nn.functional as F
from sklearn.datasets import make_classification

torch.manual_seed(89)
arr, cls = make_classification(1200, 20, n_informative=8, n_classes=4, class_sep=1.6, n_clusters_per_class=1, flip_y=0.0, random_state=89)
arr, cls = arr.astype('float32'), cls.astype('int64')
order = torch.randperm(len(arr)).numpy()
arr, cls = arr[order], cls[order]
Xa, Xb = arr[:900], arr[900:]
ya, yb_ = cls[:900], cls[900:]
mean, std = Xa.mean(0), Xa.std(0) + 1e-6
Xa, Xb = (Xa - mean) / std, (Xb - mean) / std
Xa, ya, Xb, yb_ = map(torch.from_numpy, (Xa, ya, Xb, yb_))


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden = nn.ModuleList(nn.Linear(a, b) for a, b in [(20, 64), (64, 64)])
        self.act = nn.Tanh()
        self.drop = nn.Dropout(0.1)
        self.head = nn.Linear(64, 4)

    def forward(self, x):
        for layer in self.hidden:
            x = self.drop(self.act(layer(x)))
        return self.head(x)


network = Model()

for layer in network.modules():
    if isinstance(layer, nn.Linear) and layer.out_features == 64:
        nn.init.normal_(layer.weight, std=12.0)
updater = torch.optim.SGD(network.parameters(), lr=0.2)
schedule = torch.optim.lr_scheduler.ExponentialLR(updater, gamma=0.905)


class Trainer:
    """Holds what a training needs."""

    def __init__(self, epochs):
        self.epochs = epochs
        self.history = []

    def run(self):
        for round_ in range(self.epochs):
            network.train()
            for _ in range(23):
                idx = torch.randint(0, len(Xa), (40,))
                batch_x, batch_y = Xa[idx], ya[idx]
                logits = network(batch_x)
                batch_loss = F.cross_entropy(logits, batch_y)
                updater.zero_grad()
                batch_loss.backward()
                nn.utils.clip_grad_norm_(network.parameters(), 5.0)
                updater.step()
            schedule.step()
            network.eval()
            with torch.no_grad():
                val_out = network(Xb)
                val_score = (val_out.argmax(1) == yb_).float().mean().item()
            self.history.append(val_score)
            print(round_, batch_loss.item(), "accuracy", val_score)
        return self.history


Trainer(19).run()
