import torch
import torch.nn.functional as F
from sklearn.datasets import make_moons

torch.manual_seed(0)
x, y = make_moons(800, noise=0.15, random_state=0)
x, y = torch.tensor(x, dtype=torch.float32), torch.tensor(y)
net = torch.nn.Sequential(torch.nn.Linear(2, 32), torch.nn.ReLU(), torch.nn.Linear(32, 32), torch.nn.ReLU(), torch.nn.Linear(32, 2))
fast = torch.compile(net, backend="eager")
opt = torch.optim.Adam(net.parameters(), lr=0.01)
for epoch in range(12):
    for b in torch.randperm(600).split(50):
        loss = F.cross_entropy(fast(x[b]), y[b])
        opt.zero_grad()
        loss.backward()
        opt.step()
    print(epoch, loss.item())
with torch.no_grad():
    print("accuracy", (net(x[600:]).argmax(1) == y[600:]).float().mean().item())
