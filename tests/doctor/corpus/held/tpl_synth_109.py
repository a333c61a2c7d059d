import numpy as np
import torch
from torch import nn
import torch.nn.functional as F
from sklearn.datasets import make_classification
from sklearn.preprocessing import StandardScaler

torch.manual_seed(80)
arr, cls = make_classification(1200, 20, n_informative=8, n_classes=4, class_sep=1.6, n_clusters_per_class=1, flip_y=0.0, random_state=80)
arr, cls = arr.astype('float32'), cls.astype('int64')
order = torch.randperm(len(arr)).numpy()
arr, cls = arr[order], cls[order]
Xa, Xb = arr[:900], arr[900:]
ya, yb_ = cls[:900], cls[900:]
scaler = StandardScaler().fit(Xa)
Xa, Xb = scaler.transform(Xa), scaler.transform(Xb)
Xa, ya, Xb, yb_ = map(torch.from_numpy, (Xa, ya, Xb, yb_))


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(20, 24)
        self.norm1 = nn.BatchNorm1d(24)
        self.act = nn.SiLU()
        self.out = nn.Linear(24, 4)

    def forward(self, x):
        x = self.act(self.norm1(self.fc1(x)))
        return self.out(x)


network = Net()

updater = torch.optim.Adam(network.parameters(), lr=0.005)

for round_ in range(14):
    network.train()
    for idx in torch.randperm(len(Xa)).split(32):
        batch_x, batch_y = Xa[idx], ya[idx]
        logits = network(batch_x)
        batch_loss = F.cross_entropy(logits, batch_y)
        batch_loss.backward()
        updater.step()
        updater.zero_grad()
    network.eval()
    with torch.no_grad():
        val_out = network(Xb)
        val_score = (val_out.argmax(1) == yb_).float().mean().item()
    print(f"{round_} loss {batch_loss.item():.4f} val accuracy {val_score:.4f}")
