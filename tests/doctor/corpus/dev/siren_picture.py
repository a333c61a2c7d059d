import torch
from torch import nn
torch.manual_seed(0)
g = torch.linspace(-1, 1, 40)
yy, xx = torch.meshgrid(g, g, indexing="ij")
img = torch.sin(6 * xx) * torch.cos(4 * yy) + (xx ** 2 + yy ** 2 < 0.3).float() - 0.3
coords, pix = torch.stack([xx, yy], -1).view(-1, 2), img.view(-1, 1)
class Sine(nn.Module):
    def __init__(self, i, o, w=15.0, first=False):
        super().__init__()
        self.w, self.lin = w, nn.Linear(i, o)
        bound = 1 / i if first else (6 / i) ** 0.5 / w
        nn.init.uniform_(self.lin.weight, -bound, bound)
    def forward(self, x): return torch.sin(self.w * self.lin(x))
net = nn.Sequential(Sine(2, 64, first=True), Sine(64, 64), nn.Linear(64, 1))
opt = torch.optim.Adam(net.parameters(), lr=1e-3)
for it in range(250):
    loss = nn.functional.mse_loss(net(coords), pix)
    opt.zero_grad(); loss.backward(); opt.step()
with torch.no_grad(): print("mse", nn.functional.mse_loss(net(coords), pix).item())
