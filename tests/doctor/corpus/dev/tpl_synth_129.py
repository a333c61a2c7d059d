# synth: classification baseline
import numpy as np
import torch
from torch import nn
from sklearn.datasets import make_classification

torch.manual_seed(39)
arr, cls = make_classification(1200, 20, n_informative=8, n_classes=4, class_sep=1.6, n_clusters_per_class=1, flip_y=0.0, random_state=39)
arr, cls = arr.astype('float32'), cls.astype('int64')
order = torch.randperm(len(arr)).numpy()
arr, cls = arr[order], cls[order]
Xa, Xb = arr[:900], arr[900:]
ya, yb_ = cls[:900], cls[900:]
mean, std = Xa.mean(0), Xa.std(0) + 1e-6
Xa, Xb = (Xa - mean) / std, (Xb - mean) / std
Xa, ya, Xb, yb_ = map(torch.from_numpy, (Xa, ya, Xb, yb_))


def make_net():
    layers, width = [], 20
    for size in [32, 32]:
        layers += [nn.Linear(width, size), nn.GELU()]
        width = size
    layers.append(nn.Linear(width, 4))
    return nn.Sequential(*layers)


network = make_net()

lossf = nn.CrossEntropyLoss()
updater = torch.optim.AdamW(network.parameters(), lr=0.005, weight_decay=0.01)
schedule = torch.optim.lr_scheduler.StepLR(updater, step_size=9, gamma=0.3)


def train():
    for idx in torch.randperm(len(Xa)).split(32):
        batch_x, batch_y = Xa[idx], ya[idx]
        updater.zero_grad()
        logits = network(batch_x)
        batch_loss = lossf(logits, batch_y)
        batch_loss.backward()
        updater.step()
    schedule.step()
    return batch_loss


def test():
    with torch.no_grad():
        val_out = network(Xb)
        val_score = (val_out.argmax(1) == yb_).float().mean().item()
    return val_score


for round_ in range(14):
    batch_loss = train()
    val_score = test()
    print("%d: loss=%.4f accuracy=%.4f" % (round_, batch_loss.item(), val_score))
