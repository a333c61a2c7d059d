"""Train a small network on synth."""
import torch
import torch.nn as nn
from sklearn.datasets import make_classification
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(6)
arr, cls = make_classification(1200, 20, n_informative=8, n_classes=4, class_sep=1.6, n_clusters_per_class=1, flip_y=0.0, random_state=6)
arr, cls = arr.astype('float32'), cls.astype('int64')
order = torch.randperm(len(arr)).numpy()
arr, cls = arr[order], cls[order]
Xa, Xb = arr[:900], arr[900:]
ya, yb_ = cls[:900], cls[900:]
mean, std = Xa.mean(0), Xa.std(0) + 1e-6
Xa, Xb = (Xa - mean) / std, (Xb - mean) / std
Xa, Xb = torch.tensor(Xa), torch.tensor(Xb)
ya, yb_ = torch.tensor(ya), torch.tensor(yb_)
loader = DataLoader(TensorDataset(Xa, ya), batch_size=32, shuffle=True)


def make_net():
    layers, width = [], 20
    for size in [64, 64]:
        layers += [nn.Linear(width, size), nn.LayerNorm(size), nn.LeakyReLU()]
        width = size
    layers.append(nn.Linear(width, 4))
    return nn.Sequential(*layers)


network = make_net()

lossf = nn.CrossEntropyLoss()
updater = torch.optim.RAdam(network.parameters(), lr=0.01)
schedule = torch.optim.lr_scheduler.LambdaLR(updater, lambda step: min(1.0, (step + 1) / 30))


def train_one_epoch():
    for batch_x, batch_y in loader:
        logits = network(batch_x)
        batch_loss = lossf(logits, batch_y)
        batch_loss.backward()
        updater.step()
        updater.zero_grad()
        schedule.step()
    return batch_loss


def evaluate():
    with torch.no_grad():
        val_out = network(Xb)
        val_score = (val_out.argmax(1) == yb_).float().mean().item()
    return val_score


for round_ in range(1):
    batch_loss = train_one_epoch()
    val_score = evaluate()
    print(f"{round_} loss {batch_loss.item():.4f} val accuracy {val_score:.4f}")
