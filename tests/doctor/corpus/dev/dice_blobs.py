import torch
from torch import nn
torch.manual_seed(0)
yy, xx = torch.meshgrid(torch.arange(24.), torch.arange(24.), indexing="ij")
def scenes(n):
    c = torch.rand(n, 2) * 16 + 4
    r = torch.rand(n) * 2 + 2
    m = ((yy - c[:, 0, None, None]) ** 2 + (xx - c[:, 1, None, None]) ** 2 < r[:, None, None] ** 2).float()
    return (m + 0.6 * torch.randn(n, 24, 24)).unsqueeze(1), m.unsqueeze(1)
def dice_loss(logits, mask):
    p = torch.sigmoid(logits)
    inter = (p * mask).sum((1, 2, 3))
    return (1 - (2 * inter + 1) / (p.sum((1, 2, 3)) + mask.sum((1, 2, 3)) + 1)).mean()
x, m = scenes(320); xv, mv = scenes(80)
net = nn.Sequential(nn.Conv2d(1, 12, 5, padding=2), nn.BatchNorm2d(12), nn.ReLU(), nn.Conv2d(12, 12, 5, padding=2), nn.ReLU(), nn.Conv2d(12, 1, 1))
opt = torch.optim.Adam(net.parameters(), 5e-3)
for e in range(8):
    net.train()
    for i in torch.randperm(320).split(32):
        loss = dice_loss(net(x[i]), m[i])
        opt.zero_grad(); loss.backward(); opt.step()
    net.eval()
    with torch.no_grad():
        hard = (net(xv) > 0).float()
        d = (2 * (hard * mv).sum() / (hard.sum() + mv.sum())).item()
    print(f"{e} {loss.item():.3f} dice {d:.3f}")
