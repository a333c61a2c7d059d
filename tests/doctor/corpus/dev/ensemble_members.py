import torch
from sklearn.datasets import load_wine
from torch import nn

torch.manual_seed(4)
d = load_wine()
X, y = torch.tensor(d.data, dtype=torch.float32), torch.tensor(d.target)
p = torch.randperm(len(X))
X, y = X[p], y[p]
X = (X - X[:130].mean(0)) / X[:130].std(0)
members = [nn.Sequential(nn.Linear(13, 16), nn.ELU(), nn.Linear(16, 3)) for _ in range(4)]
optims = [torch.optim.Adam(m.parameters(), lr=0.01) for m in members]
for member, opt in zip(members, optims):
    bag = torch.randint(0, 130, (130,))
    for epoch in range(15):
        for i in bag[torch.randperm(130)].split(26):
            opt.zero_grad()
            loss = nn.functional.cross_entropy(member(X[i]), y[i])
            loss.backward()
            opt.step()
    print("member done", loss.item())
with torch.no_grad():
    votes = torch.stack([m(X[130:]).softmax(-1) for m in members]).mean(0)
print("ensemble accuracy", (votes.argmax(-1) == y[130:]).float().mean().item())
