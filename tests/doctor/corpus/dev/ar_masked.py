import torch
from torch import nn
torch.manual_seed(0)
n = 8
class Masked(nn.Linear):
    def __init__(self, i, o, mask):
        super().__init__(i, o); self.register_buffer("mask", mask)
    def forward(self, x): return nn.functional.linear(x, self.weight * self.mask, self.bias)
order = torch.arange(n); hid = torch.arange(64) % (n - 1)
net = nn.Sequential(Masked(n, 64, (hid[:, None] >= order[None]).float()), nn.ReLU(), Masked(64, n, (order[:, None] > hid[None]).float()))
def bits(k):
    x = torch.zeros(k, n); x[:, 0] = torch.bernoulli(torch.full((k,), .5))
    for j in range(1, n): x[:, j] = torch.where(torch.rand(k) < 0.9, x[:, j - 1], 1 - x[:, j - 1])
    return x
opt = torch.optim.Adam(net.parameters(), 5e-3)
for s in range(250):
    x = bits(100)
    loss = nn.functional.binary_cross_entropy_with_logits(net(x), x, reduction="none").sum(1).mean()
    opt.zero_grad(); loss.backward(); opt.step()
x = bits(2000)
with torch.no_grad(): print("nats", nn.functional.binary_cross_entropy_with_logits(net(x), x, reduction="none").sum(1).mean().item())
