import torch
from sklearn.datasets import make_regression
from torch import nn, optim

torch.manual_seed(0)
features, price = make_regression(900, 15, n_informative=8, noise=8.0, random_state=3)
features = torch.as_tensor(features, dtype=torch.float32)
price = torch.as_tensor(price, dtype=torch.float32)
price = (price - price[:600].mean()) / price[:600].std()
split = {"train": slice(0, 600), "valid": slice(600, 750), "test": slice(750, 900)}


def batches(name, size):
    idx = torch.arange(len(features))[split[name]]
    for chunk in idx[torch.randperm(len(idx))].split(size):
        yield features[chunk], price[chunk]


@torch.no_grad()
def score(model, name, criterion):
    s = split[name]
    return criterion(model(features[s]), price[s]).item()


model = nn.Sequential(nn.Linear(15, 32), nn.ELU(), nn.Linear(32, 1))
criterion = nn.HuberLoss()
optimizer = optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
scheduler = optim.lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.3, patience=2)
best, waited = float("inf"), 0
for epoch in range(40):
    for f, p in batches("train", 30):
        loss = criterion(model(f), p)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    valid = score(model, "valid", criterion)
    scheduler.step(valid)
    print(f"{epoch} {valid:.5f} lr {optimizer.param_groups[0]['lr']:.4g}")
    if valid < best - 1e-5:
        best, waited = valid, 0
    else:
        waited += 1
    if waited >= 6:
        print("stopping early")
        break
print("test huber", score(model, "test", criterion))
