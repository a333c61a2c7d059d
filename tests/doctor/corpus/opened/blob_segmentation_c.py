import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(44)
SIZE = 24


def make_scene(n):
    """Noisy pictures, each with a bright disc and a bright square; the mask marks the disc only."""
    yy, xx = torch.meshgrid(torch.arange(SIZE), torch.arange(SIZE), indexing="ij")
    images, masks = [], []
    for _ in range(n):
        img = 0.35 * torch.randn(SIZE, SIZE)
        cy, cx = torch.randint(5, SIZE - 5, (2,)).tolist()
        disc = (yy - cy) ** 2 + (xx - cx) ** 2 <= 16
        sy, sx = torch.randint(0, SIZE - 7, (2,)).tolist()
        square = torch.zeros(SIZE, SIZE, dtype=torch.bool)
        square[sy:sy + 7, sx:sx + 7] = True
        square[sy + 2:sy + 5, sx + 2:sx + 5] = False
        img = img + square.float() * (~disc).float() + disc.float()
        images.append(img)
        masks.append(disc.float())
    return torch.stack(images).unsqueeze(1), torch.stack(masks)


class MiniUNet(nn.Module):
    def __init__(self, c=8):
        super().__init__()
        self.enc1 = self.double(1, c)
        self.enc2 = self.double(c, 2 * c)
        self.dec1 = self.double(3 * c, c)
        self.out = nn.Conv2d(c, 1, 1)

    @staticmethod
    def double(a, b):
        return nn.Sequential(nn.Conv2d(a, b, 3, padding=1), nn.BatchNorm2d(b), nn.ReLU(),
                             nn.Conv2d(b, b, 3, padding=1), nn.BatchNorm2d(b), nn.ReLU())

    def forward(self, x):
        e1 = self.enc1(x)
        e2 = self.enc2(F.max_pool2d(e1, 2))
        up = F.interpolate(e2, scale_factor=2, mode="nearest")
        d1 = self.dec1(torch.cat([up, e1], dim=1))
        return self.out(d1).squeeze(1)


def dice(logits, target):
    pred = (logits > 0).float()
    return ((2 * (pred * target).sum((1, 2)) + 1e-6) / (pred.sum((1, 2)) + target.sum((1, 2)) + 1e-6)).mean().item()


train_x, train_y = make_scene(400)
val_x, val_y = make_scene(100)
model = MiniUNet()
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
criterion = nn.BCEWithLogitsLoss(pos_weight=torch.tensor(4.0))

for epoch in range(12):
    model.train()
    losses = []
    for idx in torch.randperm(len(train_x)).split(20):
        optimizer.zero_grad()
        pred = (torch.sigmoid(model(train_x[idx])) > 0.5).float().requires_grad_()
        loss = criterion(pred, train_y[idx])
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    if epoch == 8:
        for g in optimizer.param_groups:
            g["lr"] = 1e-3
    model.eval()
    with torch.no_grad():
        out = model(val_x)
        val_loss = criterion(out, val_y).item()
    print(f"epoch {epoch + 1} loss {sum(losses) / len(losses):.4f} val loss {val_loss:.4f} dice {dice(out, val_y):.4f}")
