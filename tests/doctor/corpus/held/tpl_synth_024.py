"""Train a small network on synth."""
import torch
from torch import nn
import torch.nn.functional as F
from sklearn.datasets import make_classification

torch.manual_seed(49)
arr, cls = make_classification(1200, 20, n_informative=8, n_classes=4, class_sep=1.6, n_clusters_per_class=1, flip_y=0.0, random_state=49)
arr, cls = arr.astype('float32'), cls.astype('int64')
order = torch.randperm(len(arr)).numpy()
arr, cls = arr[order], cls[order]
Xa, Xb = arr[:900], arr[900:]
ya, yb_ = cls[:900], cls[900:]
mean, std = Xa.mean(0), Xa.std(0) + 1e-6
Xa, Xb = (Xa - mean) / std, (Xb - mean) / std
Xa, Xb = torch.tensor(Xa), torch.tensor(Xb)
ya, yb_ = torch.tensor(ya), torch.tensor(yb_)


def make_net():
    layers, width = [], 20
    for size in [48, 48]:
        layers += [nn.Linear(width, size), nn.BatchNorm1d(size), nn.LeakyReLU()]
        width = size
    layers.append(nn.Linear(width, 4))
    return nn.Sequential(*layers)


network = make_net()

updater = torch.optim.Adam(network.parameters(), lr=0.005)
schedule = torch.optim.lr_scheduler.StepLR(updater, step_size=9, gamma=0.3)


def fit_epoch():
    network.train()
    for idx in torch.randperm(len(Xa)).split(50):
        batch_x, batch_y = Xa[idx], ya[idx]
        logits = network(batch_x)
        batch_loss = F.cross_entropy(logits, batch_y)
        batch_loss.backward()
        updater.step()
        updater.zero_grad()
    schedule.step()
    return batch_loss


def score():
    network.eval()
    with torch.no_grad():
        val_out = network(Xb)
        val_score = (val_out.argmax(1) == yb_).float().mean().item()
    return val_score


for round_ in range(14):
    batch_loss = fit_epoch()
    val_score = score()
    print(round_, batch_loss.item(), "accuracy", val_score)
