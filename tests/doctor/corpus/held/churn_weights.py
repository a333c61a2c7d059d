import torch
from sklearn.datasets import make_blobs
from torch import nn
from torch.utils.data import DataLoader, TensorDataset, random_split

torch.manual_seed(0)


def load():
    x, y = make_blobs([2600, 70, 50], 6, centers=None, cluster_std=5.2, random_state=7)
    x = (torch.tensor(x).float() - x.mean()) / x.std()
    return TensorDataset(x, torch.tensor(y))


def recall(model, loader):
    hits, seen = torch.zeros(3), torch.zeros(3)
    with torch.no_grad():
        for x, y in loader:
            right = model(x).argmax(1) == y
            for c in range(3):
                hits[c] += (right & (y == c)).sum()
                seen[c] += (y == c).sum()
    return (hits / seen).mean().item()


train, test = random_split(load(), [1720, 1000], torch.Generator().manual_seed(1))
labels = torch.stack([y for _, y in train])
weight = len(labels) / (3 * torch.bincount(labels).float())
loader = DataLoader(train, batch_size=43, shuffle=True)
model = nn.Sequential(nn.Linear(6, 24), nn.ReLU(), nn.Linear(24, 3))
criterion = nn.CrossEntropyLoss(weight=weight)
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
for epoch in range(8):
    for x, y in loader:
        optimizer.zero_grad()
        loss = criterion(model(x), y)
        loss.backward()
        optimizer.step()
    print(epoch, loss.item())
print("mean recall", recall(model, DataLoader(test, batch_size=500)))
