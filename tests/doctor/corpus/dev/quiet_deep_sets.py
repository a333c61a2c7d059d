import torch
from torch import nn
torch.manual_seed(0)
phi = nn.Sequential(nn.Linear(3, 48), nn.ReLU(), nn.Linear(48, 48))
rho = nn.Sequential(nn.Linear(48, 48), nn.ReLU(), nn.Linear(48, 1))
opt = torch.optim.Adam([*phi.parameters(), *rho.parameters()], lr=2e-3)
def sets(b):
    n = torch.randint(4, 10, (b,))
    x = torch.randn(b, 10, 3)
    mask = (torch.arange(10) < n[:, None]).float().unsqueeze(-1)
    far = (x.norm(dim=2, keepdim=True) * mask).amax(1)
    return x, mask, far
for step in range(400):
    x, mask, y = sets(64)
    out = rho((phi(x) * mask).amax(1))
    loss = (out - y).pow(2).mean()
    opt.zero_grad(); loss.backward(); opt.step()
    if step % 80 == 0: print(step, loss.item())
with torch.no_grad():
    x, mask, y = sets(1000)
    print("rmse", (rho((phi(x) * mask).amax(1)) - y).pow(2).mean().sqrt().item())
