import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(0)
SIZE = 24


def scene(n):
    grid = torch.stack(torch.meshgrid(torch.arange(SIZE), torch.arange(SIZE), indexing="ij")).float()
    centre = torch.rand(n, 2, 1, 1) * SIZE
    radius = 3 + 3 * torch.rand(n, 1, 1)
    mask = ((grid[None] - centre) ** 2).sum(1).sqrt() < radius
    image = mask.float() * 0.8 + 0.5 * torch.randn(n, SIZE, SIZE)
    return image.unsqueeze(1), mask.float().unsqueeze(1)


class TinyUNet(nn.Module):
    def __init__(self, c=8):
        super().__init__()
        self.down1 = nn.Sequential(nn.Conv2d(1, c, 3, padding=1), nn.BatchNorm2d(c), nn.ReLU())
        self.down2 = nn.Sequential(nn.Conv2d(c, 2 * c, 3, padding=1), nn.BatchNorm2d(2 * c), nn.ReLU())
        self.up = nn.ConvTranspose2d(2 * c, c, 2, stride=2)
        self.last = nn.Conv2d(2 * c, 1, 3, padding=1)

    def forward(self, x):
        a = self.down1(x)
        b = self.down2(F.max_pool2d(a, 2))
        return self.last(torch.cat([a, F.relu(self.up(b))], 1))


def iou(logits, mask):
    guess, mask = logits > 0, mask > 0.5
    return ((guess & mask).sum() / (guess | mask).sum()).item()


xs, ms = scene(320)
vx, vm = scene(64)
model = TinyUNet()
opt = torch.optim.Adam(model.parameters(), lr=5e-3)
for epoch in range(4):
    model.train()
    for k in torch.randperm(320).split(16):
        opt.zero_grad()
        loss = F.binary_cross_entropy_with_logits(model(xs[k]), ms[k])
        loss.backward()
        opt.step()

    with torch.no_grad():
        score = iou(model(vx), vm)
    print(f"epoch {epoch} loss {loss.item():.4f} iou {score:.4f}")
