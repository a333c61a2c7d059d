import torch
from sklearn.datasets import load_digits
torch.manual_seed(0)
v = (torch.tensor(load_digits().data, dtype=torch.float32) > 7).float()
v = v[torch.randperm(len(v))]
train, test = v[:1500], v[1500:]
W, a, b = torch.randn(64, 80) * 0.05, torch.zeros(64), torch.zeros(80)
for epoch in range(15):
    for x in train[torch.randperm(1500)].split(50):
        ph = torch.sigmoid(x @ W + b); h = torch.bernoulli(ph)
        x2 = torch.sigmoid(h @ W.T + a); ph2 = torch.sigmoid(x2 @ W + b)
        W += 0.1 * (x.T @ ph - x2.T @ ph2) / len(x); a += 0.1 * (x - x2).mean(0); b += 0.1 * (ph - ph2).mean(0)
r = torch.sigmoid(torch.sigmoid(test @ W + b) @ W.T + a)
print("reconstruction", ((r - test) ** 2).mean().item())
