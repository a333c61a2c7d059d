import torch
from torch import nn
from sklearn.datasets import make_moons
torch.manual_seed(2)
x, y = make_moons(1000, noise=0.25, random_state=2)
x, y = torch.tensor(x, dtype=torch.float32), torch.tensor(y)
n = 700
net = nn.Sequential(nn.Linear(2, 32), nn.ReLU(), nn.Linear(32, 2))
opt = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
def score(a, b):
    with torch.no_grad():
        return (net(a).argmax(1) == b).float().mean().item()
for epoch in range(15):
    for i in torch.randperm(n).split(35):
        loss = nn.functional.cross_entropy(net(x[i]), y[i])
        opt.zero_grad()
        loss.backward()
        opt.step()
    print(epoch, score(x[:n], y[:n]), score(x[n:], y[n:]))
