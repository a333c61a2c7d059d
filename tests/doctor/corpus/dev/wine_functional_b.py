import torch
from sklearn.datasets import load_wine

g = torch.Generator().manual_seed(5)
d = load_wine()
x = torch.tensor(d.data).float()
t = torch.tensor(d.target).long()
p = torch.randperm(len(x), generator=g)
x, t = x[p], t[p]
xa, ta, xb, tb = x[:120], t[:120], x[120:], t[120:]
m, s = xa.mean(0, keepdim=True), xa.std(0, keepdim=True)
xa, xb = (xa - m) / s, (xb - m) / s

W1 = torch.zeros(13, 20, requires_grad=True)
b1 = torch.zeros(20, requires_grad=True)
W2 = torch.zeros(20, 3, requires_grad=True)
b2 = torch.zeros(3, requires_grad=True)


def forward(inp):
    h = torch.relu(inp @ W1 + b1)
    return h @ W2 + b2


optimiser = torch.optim.SGD([W1, b1, W2, b2], lr=0.2)
for it in range(200):
    pick = torch.randint(0, 120, (30,), generator=g)
    logits = forward(xa[pick])
    loss = torch.nn.functional.cross_entropy(logits, ta[pick])
    loss.backward()
    optimiser.step()
    optimiser.zero_grad()
    if it % 40 == 0:
        print(it, loss.item())
print("held-out accuracy", (forward(xb).argmax(1) == tb).double().mean().item())
