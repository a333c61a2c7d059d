import random
import torch
import torch.nn as nn
from sklearn.datasets import load_digits

random.seed(0)
torch.manual_seed(0)
data, target = load_digits(return_X_y=True)
data = torch.tensor(data, dtype=torch.float32) / 16
target = torch.tensor(target)
gallery, queries = slice(0, 1200), slice(1200, None)
by_class = [torch.nonzero(target[gallery] == c).flatten().tolist() for c in range(10)]


def triplets(n):
    anchors, positives, negatives = [], [], []
    for _ in range(n):
        c, other = random.sample(range(10), 2)
        a, p = random.sample(by_class[c], 2)
        anchors.append(a)
        positives.append(p)
        negatives.append(random.choice(by_class[other]))
    return data[anchors], data[positives], data[negatives]


net = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 16))
criterion = nn.TripletMarginLoss(margin=1.0)
opt = torch.optim.Adam(net.parameters(), lr=1e-3)
for step in range(250):
    a, p, n = triplets(64)
    loss = criterion(net(a), net(p), net(n))
    opt.zero_grad()
    loss.backward()
    opt.step()
    if step % 50 == 0:
        print("step", step, "loss", loss.item())
with torch.no_grad():
    nearest = torch.cdist(net(data[queries]), net(data[gallery])).argmin(1)
print("1-nn accuracy", (target[gallery][nearest] == target[queries]).float().mean().item())
