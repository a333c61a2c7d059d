import torch
from torch import nn
torch.manual_seed(0)
modes = torch.tensor([[1.5, 0.], [-1.5, 0.], [0., 1.5]])
draw = lambda n: modes[torch.randint(0, 3, (n,))] + 0.15 * torch.randn(n, 2)
class Score(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(3, 64), nn.SiLU(), nn.Linear(64, 64), nn.SiLU(), nn.Linear(64, 2))
    def forward(self, x, s): return self.net(torch.cat([x, s.log()], 1)) / s
net = Score()
opt = torch.optim.Adam(net.parameters(), lr=2e-3)
for step in range(500):
    x = draw(128)
    s = torch.exp(torch.rand(128, 1) * 3 - 3)
    e = torch.randn_like(x)
    loss = ((s * net(x + s * e, s) + e) ** 2).sum(1).mean()
    opt.zero_grad(); loss.backward(); opt.step()
    if step % 100 == 0: print(step, loss.item())
x = torch.randn(500, 2)
for s in torch.logspace(0, -1.3, 10):
    for _ in range(10):
        a = 0.1 * s ** 2
        with torch.no_grad(): x = x + a * net(x, s.expand(500, 1)) + (2 * a).sqrt() * torch.randn_like(x)
print("distance to the nearest mode", torch.cdist(x, modes).amin(1).mean().item())
