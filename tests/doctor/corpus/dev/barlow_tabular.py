import torch
from torch import nn
from sklearn.datasets import load_wine

torch.manual_seed(4)
X, Y = load_wine(return_X_y=True)
X = torch.tensor((X - X.mean(0)) / X.std(0), dtype=torch.float32)
Y = torch.tensor(Y)
backbone = nn.Sequential(nn.Linear(13, 64), nn.ReLU(), nn.Linear(64, 32))
projector = nn.Sequential(nn.Linear(32, 64), nn.BatchNorm1d(64), nn.ReLU(), nn.Linear(64, 64))
bn = nn.BatchNorm1d(64, affine=False)
opt = torch.optim.Adam([*backbone.parameters(), *projector.parameters()], lr=1e-3)

def corrupt(x):
    other = x[torch.randperm(len(x))]
    mask = torch.rand_like(x) < 0.25
    return torch.where(mask, other, x)

for step in range(250):
    b = X[torch.randint(0, len(X), (96,))]
    za, zb = projector(backbone(corrupt(b))), projector(backbone(corrupt(b)))
    c = bn(za).T @ bn(zb) / len(b)
    on = (torch.diagonal(c) - 1).pow(2).sum()
    off = (c - torch.diag(torch.diagonal(c))).pow(2).sum()
    loss = on + 0.01 * off
    opt.zero_grad(set_to_none=True)
    loss.backward()
    opt.step()
    if step % 50 == 0:
        print(step, loss.item())
with torch.no_grad():
    f = nn.functional.normalize(backbone(X), dim=1)
    s = f @ f.T
    s.fill_diagonal_(-1)
    acc = (Y[s.argmax(1)] == Y).float().mean()
print("1-nn", acc.item())
