"""SimSiam on 8x8 digits, then a linear probe on the frozen features."""
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits

torch.manual_seed(8)
raw = load_digits()
images = torch.tensor(raw.images, dtype=torch.float32).unsqueeze(1) / 16
labels = torch.tensor(raw.target)
order = torch.randperm(len(images))
images, labels = images[order], labels[order]
x_train, y_train, x_test, y_test = images[:1300], labels[:1300], images[1300:], labels[1300:]


def augment(x):
    theta = torch.eye(2, 3).repeat(len(x), 1, 1)
    angle = 0.25 * torch.randn(len(x))
    scale = 1 + 0.1 * torch.randn(len(x))
    theta[:, 0, 0] = theta[:, 1, 1] = angle.cos() * scale
    theta[:, 0, 1], theta[:, 1, 0] = -angle.sin() * scale, angle.sin() * scale
    theta[:, :, 2] = 0.12 * torch.randn(len(x), 2)
    grid = F.affine_grid(theta, x.shape, align_corners=False)
    return F.grid_sample(x, grid, align_corners=False) + 0.05 * torch.randn_like(x)


class SimSiam(nn.Module):
    def __init__(self, dim=64):
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(16, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
        )
        self.projector = nn.Sequential(nn.Linear(128, dim), nn.BatchNorm1d(dim), nn.ReLU(), nn.Linear(dim, dim), nn.BatchNorm1d(dim, affine=False))
        self.predictor = nn.Sequential(nn.Linear(dim, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, dim))

    def forward(self, a, b):
        z1, z2 = self.projector(self.encoder(a)), self.projector(self.encoder(b))
        p1, p2 = self.predictor(z1), self.predictor(z2)
        return -0.5 * (F.cosine_similarity(p1, z2.detach()).mean() + F.cosine_similarity(p2, z1.detach()).mean())


model = SimSiam()
for p in model.encoder.parameters():
    p.requires_grad = False
opt = torch.optim.SGD(model.parameters(), lr=0.08, momentum=0.9, weight_decay=1e-4)
sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, 20)
for epoch in range(20):
    model.train()
    total = 0.0
    for rows in torch.randperm(1300).split(100):
        loss = model(augment(x_train[rows]), augment(x_train[rows]))
        opt.zero_grad()
        loss.backward()
        opt.step()
        total += loss.item() / 13
    sched.step()
    if epoch % 2 == 1:
        print(f"pretrain {epoch + 1:2d}  loss {total:.4f}")

model.eval()
with torch.no_grad():
    f_train, f_test = model.encoder(x_train), model.encoder(x_test)
mean, std = f_train.mean(0), f_train.std(0) + 1e-5
f_train, f_test = (f_train - mean) / std, (f_test - mean) / std
probe = nn.Linear(128, 10)
probe_opt = torch.optim.Adam(probe.parameters(), lr=0.01, weight_decay=1e-3)
for epoch in range(12):
    for rows in torch.randperm(1300).split(100):
        loss = F.cross_entropy(probe(f_train[rows]), y_train[rows])
        probe_opt.zero_grad()
        loss.backward()
        probe_opt.step()
    with torch.no_grad():
        tr = F.cross_entropy(probe(f_train), y_train).item()
        te = F.cross_entropy(probe(f_test), y_test).item()
        acc = (probe(f_test).argmax(1) == y_test).float().mean().item()
    print(f"probe {epoch + 1:2d}  train {tr:.4f}  test {te:.4f}  accuracy {acc:.4f}")
print(f"probe accuracy {acc:.4f}")
