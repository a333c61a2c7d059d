import torch
from sklearn.datasets import load_digits

torch.manual_seed(0)
d = load_digits()
X, Y = torch.tensor(d.data).float() / 16, torch.tensor(d.target)
p = torch.randperm(len(X))
X, Y = X[p], Y[p]
m = torch.nn.Sequential(torch.nn.Linear(64, 48), torch.nn.ReLU(), torch.nn.Linear(48, 10))
base = torch.optim.SGD(m.parameters(), lr=0.2, momentum=0.9)
RHO = 0.05


def loss_on(i):
    return torch.nn.functional.cross_entropy(m(X[i]), Y[i])


for epoch in range(8):
    for i in torch.randperm(1400).split(50):
        base.zero_grad()
        first = loss_on(i)
        first.backward()
        with torch.no_grad():
            norm = torch.stack([w.grad.norm() for w in m.parameters()]).norm()
            shifts = [RHO * w.grad / (norm + 1e-12) for w in m.parameters()]
            for w, e in zip(m.parameters(), shifts):
                w.add_(e)
        base.zero_grad()
        loss_on(i).backward()
        with torch.no_grad():
            for w, e in zip(m.parameters(), shifts):
                w.sub_(e)
        base.step()
    print(epoch, first.item())
with torch.no_grad():
    print("accuracy", (m(X[1400:]).argmax(1) == Y[1400:]).float().mean().item())
