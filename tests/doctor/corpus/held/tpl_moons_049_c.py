"""Train a small network on moons."""
import torch
import torch.nn as nn
from sklearn.datasets import make_moons
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(57)
arr, cls = make_moons(1000, noise=0.15, random_state=57)
arr, cls = arr.astype('float32'), cls.astype('float32')
order = torch.randperm(len(arr)).numpy()
arr, cls = arr[order], cls[order]
Xa, Xb = arr[:750], arr[750:]
ya, yb_ = cls[:750], cls[750:]
mean, std = Xa.mean(0), Xa.std(0) + 1e-6
Xa, Xb = (Xa - mean) / std, (Xb - mean) / std
Xa, Xb = torch.tensor(Xa), torch.tensor(Xb)
ya, yb_ = torch.tensor(ya), torch.tensor(yb_)
loader = DataLoader(TensorDataset(Xa, ya), batch_size=25, shuffle=True)

network = nn.Sequential(
    nn.Linear(2, 48),
    nn.Linear(48, 48),
    nn.Linear(48, 1),
)

lossf = nn.BCEWithLogitsLoss()
updater = torch.optim.SGD(network.parameters(), lr=0.1, momentum=0.9)

for round_ in range(25):
    for batch_x, batch_y in loader:
        logits = network(batch_x).view(-1)
        batch_loss = lossf(logits, batch_y)
        updater.zero_grad()
        batch_loss.backward()
        updater.step()
    with torch.no_grad():
        val_out = network(Xb).squeeze(1)
        val_score = ((val_out > 0) == (yb_ > 0.5)).float().mean().item()
    print("%d: loss=%.4f accuracy=%.4f" % (round_, batch_loss.item(), val_score))
