import torch
from sklearn.datasets import load_digits

torch.manual_seed(3)
d = load_digits()
x, y = torch.tensor(d.data).float() / 16 - 0.3, torch.tensor(d.target)
rows = torch.randperm(len(x))
train, val = rows[:1200], rows[1200:]
net = torch.nn.Sequential(torch.nn.Linear(64, 20), torch.nn.Sigmoid(), torch.nn.Linear(20, 10))
opt = torch.optim.SGD(net.parameters(), lr=0.25, momentum=0.8)
history = []
for epoch in range(45):
    for b in train[torch.randperm(1200)].split(60):
        loss = torch.nn.functional.cross_entropy(net(x[b]), y[b])
        opt.zero_grad()
        loss.backward()
        opt.step()
    with torch.no_grad():
        v = torch.nn.functional.cross_entropy(net(x[val]), y[val]).item()
        history.append((net(x[val]).argmax(1) == y[val]).float().mean().item())
    print(epoch, v, history[-1])
