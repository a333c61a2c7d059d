import torch
from sklearn.datasets import load_iris
from torch import nn

torch.manual_seed(2)
iris = load_iris()
X, y = torch.tensor(iris.data, dtype=torch.float32), torch.tensor(iris.target)
X = (X - X.mean(0)) / X.std(0)
order = torch.randperm(150)
n_val = 50
val, train = order[:n_val], order[n_val:]
clf = nn.Sequential(nn.Linear(4, 12), nn.Tanh(), nn.Linear(12, 3))
opt = torch.optim.Adam(clf.parameters(), lr=0.02)
for epoch in range(20):
    for i in train[torch.randperm(len(train))].split(20):
        loss = nn.functional.cross_entropy(clf(X[i]), y[i])
        opt.zero_grad()
        loss.backward()
        opt.step()
    with torch.no_grad():
        few = val[torch.randperm(n_val)[:6]]
        acc = (clf(X[few]).argmax(1) == y[few]).float().mean().item()
    print(epoch, acc)
