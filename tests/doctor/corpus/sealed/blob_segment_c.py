"""Segmentation of bright cells on an uneven background, a U-Net with one level."""
import torch
from torch import nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(39)


def pictures(n, size=24):
    yy, xx = torch.meshgrid(torch.linspace(0, 1, size), torch.linspace(0, 1, size), indexing="ij")
    mask = torch.zeros(n, size, size)
    for _ in range(4):
        cx, cy, r = torch.rand(n, 1, 1), torch.rand(n, 1, 1), 0.06 + 0.09 * torch.rand(n, 1, 1)
        mask = torch.maximum(mask, ((xx - cx) ** 2 + (yy - cy) ** 2 < r ** 2).float())
    slope = torch.randn(n, 1, 1) * xx + torch.randn(n, 1, 1) * yy
    image = 0.9 * mask + 0.8 * slope + 0.35 * torch.randn(n, size, size)
    return image.unsqueeze(1), mask.unsqueeze(1)


class SmallUNet(nn.Module):
    def __init__(self, c=8):
        super().__init__()
        self.down1 = nn.Sequential(nn.Conv2d(1, c, 3, padding=1), nn.BatchNorm2d(c), nn.ReLU())
        self.down2 = nn.Sequential(nn.Conv2d(c, 2 * c, 3, stride=2, padding=1), nn.BatchNorm2d(2 * c), nn.ReLU(),
                                   nn.Conv2d(2 * c, 2 * c, 3, padding=1), nn.BatchNorm2d(2 * c), nn.ReLU())
        self.up = nn.ConvTranspose2d(2 * c, c, 2, stride=2)
        self.last = nn.Sequential(nn.Conv2d(2 * c, c, 3, padding=1), nn.BatchNorm2d(c), nn.ReLU(), nn.Conv2d(c, 1, 1))

    def forward(self, x):
        a = self.down1(x)
        b = self.up(self.down2(a))
        return self.last(torch.cat([a, b], 1))


def dice(logits, mask):
    pred = (logits > 0).float()
    return (2 * (pred * mask).sum() / (pred.sum() + mask.sum())).item()


train = DataLoader(TensorDataset(*pictures(700)), batch_size=20, shuffle=True)
x_val, m_val = pictures(200)
model = SmallUNet()
criterion = nn.BCEWithLogitsLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=8e-3)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 7)
for epoch in range(7):
    model.train()
    losses = []
    for x, m in train:
        optimizer.zero_grad()
        loss = criterion(model(x), m)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    scheduler.step()
    with torch.no_grad():
        out = model(x_val)
    print(f"epoch {epoch} train {sum(losses) / len(losses):.4f} val {criterion(out, m_val).item():.4f} dice {dice(out, m_val):.4f}")
print(f"dice {dice(out, m_val):.4f}")
