import torch
from torch import nn

torch.manual_seed(0)
phi = nn.Sequential(nn.Linear(2, 32), nn.ReLU(), nn.Linear(32, 32))
rho = nn.Sequential(nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 1))


def sets(n, k=8):
    s = torch.randn(n, k, 2)
    return s, s[..., 0].amax(1, keepdim=True) - s[..., 1].mean(1, keepdim=True)


def predict(s):
    h = phi(s)
    return rho(h.amax(dim=0)[: 1].expand(len(s), -1) + h[:, 0])


params = list(phi.parameters()) + list(rho.parameters())
opt = torch.optim.Adam(params, lr=4e-3)
for step in range(350):
    s, t = sets(64)
    loss = nn.functional.mse_loss(predict(s), t)
    opt.zero_grad()
    loss.backward()
    opt.step()
    if step % 70 == 0:
        print(step, loss.item())
with torch.no_grad():
    s, t = sets(500)
    print("mse", nn.functional.mse_loss(predict(s), t).item() / t.var().item())
