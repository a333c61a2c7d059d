import torch
from torch import nn
from sklearn.datasets import load_digits
torch.manual_seed(0)
X = torch.tensor(load_digits().data, dtype=torch.float32) / 16
X = X - X[:1400].mean(0)
enc, dec = nn.Linear(64, 10, bias=False), nn.Linear(10, 64, bias=False)
opt = torch.optim.Adam([*enc.parameters(), *dec.parameters()], 3e-3)
for e in range(30):
    for i in torch.randperm(1400).split(100):
        loss = (dec(enc(X[i])) - X[i]).square().sum(1).mean()
        opt.zero_grad(); loss.backward(); opt.step()
with torch.no_grad(): print("unexplained", ((dec(enc(X[1400:])) - X[1400:]).square().sum() / X[1400:].square().sum()).item())
