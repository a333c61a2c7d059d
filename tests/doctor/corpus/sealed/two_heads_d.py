"""Multi-task: one trunk, a class and a size to predict from noisy drawings of shapes."""
import torch
import torch.nn as nn
import torch.nn.functional as F


def drawings(n, gen):
    kind = torch.randint(3, (n,), generator=gen)
    size = 2 + 3 * torch.rand(n, generator=gen)
    cx, cy = (6 + 4 * torch.rand(2, n, generator=gen))
    yy, xx = torch.meshgrid(torch.arange(16.), torch.arange(16.), indexing='ij')
    dx, dy = xx[None] - cx[:, None, None], yy[None] - cy[:, None, None]
    s = size[:, None, None]
    disc = (dx ** 2 + dy ** 2 < s ** 2).float()
    square = ((dx.abs() < s) & (dy.abs() < s)).float()
    cross = (((dx.abs() < 1) | (dy.abs() < 1)) & (dx.abs() < s) & (dy.abs() < s)).float()
    img = torch.stack([disc, square, cross])[kind, torch.arange(n)]
    return img.unsqueeze(1) + 0.5 * torch.randn(n, 1, 16, 16, generator=gen), kind, (size - 3.5) / 0.866


class SharedNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.trunk = nn.Sequential(
            nn.Conv2d(1, 8, 3, stride=2, padding=1), nn.ReLU(),
            nn.Conv2d(8, 16, 3, stride=2, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(256, 32), nn.ReLU())
        self.kind_head = nn.Linear(32, 3)
        self.size_head = nn.Linear(32, 1)

    def forward(self, x):
        z = self.trunk(x)
        return self.kind_head(z), self.size_head(z).squeeze(1)


torch.manual_seed(17)
gen = torch.Generator().manual_seed(17)
x, kind, size = drawings(5000, gen)
xv, kv, sv = drawings(1200, gen)
net = SharedNet()
for name, p in net.named_parameters():
    if name.startswith('trunk'):
        p.requires_grad_(False)
optim = torch.optim.Adam(net.parameters(), lr=2e-3)
sched = torch.optim.lr_scheduler.MultiStepLR(optim, [7, 9], 0.2)
for epoch in range(10):
    net.train()
    sums = torch.zeros(2)
    for b in torch.randperm(5000).split(50):
        logits, est = net(x[b])
        loss_kind = F.cross_entropy(logits, kind[b])
        loss_size = F.mse_loss(est, size[b])
        optim.zero_grad()
        (loss_kind + loss_size).backward()
        optim.step()
        sums += torch.tensor([loss_kind.item(), loss_size.item()]) / 100
    sched.step()
    net.eval()
    with torch.no_grad():
        logits, est = net(xv)
        acc = (logits.argmax(1) == kv).float().mean().item()
        val_kind, mse = F.cross_entropy(logits, kv).item(), F.mse_loss(est, sv).item()
    print('epoch %d  train ce %.3f mse %.3f  val ce %.3f mse %.3f acc %.3f' % (epoch, sums[0], sums[1], val_kind, mse, acc))
print('val loss of both tasks: %.4f' % (val_kind + mse))
