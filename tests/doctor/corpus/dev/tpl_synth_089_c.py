import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import make_classification

torch.manual_seed(66)
arr, cls = make_classification(1200, 20, n_informative=8, n_classes=4, class_sep=1.6, n_clusters_per_class=1, flip_y=0.0, random_state=66)
arr, cls = arr.astype('float32'), cls.astype('int64')
order = torch.randperm(len(arr)).numpy()
arr, cls = arr[order], cls[order]
Xa, Xb = arr[:900], arr[900:]
ya, yb_ = cls[:900], cls[900:]
mean, std = Xa.mean(0), Xa.std(0) + 1e-6
Xa, Xb = (Xa - mean) / std, (Xb - mean) / std
Xa, Xb = torch.tensor(Xa), torch.tensor(Xb)
ya, yb_ = torch.tensor(ya), torch.tensor(yb_)

network = nn.Sequential(
    nn.Linear(20, 24),
    nn.Tanh(),
    nn.Linear(24, 4),
)

lossf = nn.CrossEntropyLoss()
for layer in network.modules():
    if isinstance(layer, nn.Linear) and layer.out_features == 24:
        nn.init.normal_(layer.weight, std=12.0)
updater = torch.optim.Adam(network.parameters(), lr=0.005)


class Trainer:
    """Holds what a training needs."""

    def __init__(self, epochs):
        self.epochs = epochs
        self.history = []

    def run(self):
        for round_ in range(self.epochs):
            for _ in range(36):
                idx = torch.randint(0, len(Xa), (25,))
                batch_x, batch_y = Xa[idx], ya[idx]
                updater.zero_grad()
                logits = network(batch_x)
                batch_loss = lossf(logits, batch_y)
                batch_loss.backward()
                updater.step()
            with torch.no_grad():
                val_out = network(Xb)
                val_score = (val_out.argmax(1) == yb_).float().mean().item()
            self.history.append(val_score)
            print("%d: loss=%.4f accuracy=%.4f" % (round_, batch_loss.item(), val_score))
        return self.history


Trainer(14).run()
