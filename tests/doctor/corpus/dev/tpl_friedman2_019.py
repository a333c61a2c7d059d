# friedman2: regression baseline
import torch
import torch.nn as nn
from sklearn.datasets import make_friedman2
from sklearn.preprocessing import StandardScaler

torch.manual_seed(12)
arr, cls = make_friedman2(1200, noise=20.0, random_state=12)
arr, cls = arr.astype('float32'), cls.astype('float32')
order = torch.randperm(len(arr)).numpy()
arr, cls = arr[order], cls[order]
Xa, Xb = arr[:900], arr[900:]
ya, yb_ = cls[:900], cls[900:]
scaler = StandardScaler().fit(Xa)
Xa, Xb = scaler.transform(Xa), scaler.transform(Xb)
centre, unit = ya.mean(), ya.std()
ya, yb_ = (ya - centre) / unit, (yb_ - centre) / unit
Xa, ya, Xb, yb_ = map(torch.from_numpy, (Xa, ya, Xb, yb_))


def make_net():
    layers, width = [], 4
    for size in [32, 32]:
        layers += [nn.Linear(width, size), nn.LeakyReLU(), nn.Dropout(0.1)]
        width = size
    layers.append(nn.Linear(width, 1))
    return nn.Sequential(*layers)


network = make_net()

lossf = nn.MSELoss()
updater = torch.optim.NAdam(network.parameters(), lr=0.004)
schedule = torch.optim.lr_scheduler.ExponentialLR(updater, gamma=0.927)


def train_one_epoch():
    network.train()
    for _ in range(36):
        idx = torch.randint(0, len(Xa), (25,))
        batch_x, batch_y = Xa[idx], ya[idx]
        logits = network(batch_x).squeeze(-1)
        batch_loss = lossf(logits, batch_y)
        batch_loss.backward()
        updater.step()
        updater.zero_grad()
    schedule.step()
    return batch_loss


def evaluate():
    network.eval()
    with torch.no_grad():
        val_out = network(Xb).squeeze(1)
        val_score = ((val_out - yb_) ** 2).mean().item()
    return val_score


for round_ in range(25):
    batch_loss = train_one_epoch()
    val_score = evaluate()
    print(f"{round_} loss {batch_loss.item():.4f} val mse {val_score:.4f}")
