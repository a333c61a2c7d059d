"""Compressive strength from a concrete recipe (synthetic), one-cycle schedule stepped after every batch."""
import torch
from torch import nn
from torch.optim.lr_scheduler import OneCycleLR
from torch.utils.data import DataLoader, TensorDataset, random_split

torch.manual_seed(30)
n = 3000
cement = 100 + 400 * torch.rand(n)
water = 120 + 110 * torch.rand(n)
age = torch.tensor([3.0, 7.0, 14.0, 28.0, 56.0, 90.0])[torch.randint(6, (n,))]
ash = 200 * torch.rand(n) * (torch.rand(n) < 0.5)
plasticiser = 20 * torch.rand(n)
strength = 85 * (1 - torch.exp(-0.006 * (cement + 0.4 * ash))) * (150 / water) ** 1.2 * (age.log() / 4.5) ** 0.6
strength = strength + 5 * torch.tanh(plasticiser / 5 - 1) + 2.5 * torch.randn(n)
features = torch.stack([cement, water, age.log(), ash, plasticiser], 1)
features = (features - features.mean(0)) / features.std(0)
target = (strength - strength.mean()) / strength.std()
train_set, val_set = random_split(TensorDataset(features, target), [2400, 600])
train_loader = DataLoader(train_set, batch_size=48, shuffle=True)
val_loader = DataLoader(val_set, batch_size=600)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Linear(5, 64)
        self.b = nn.Linear(64, 32)
        self.c = nn.Linear(32, 1)

    def forward(self, x):
        return self.c(torch.tanh(self.b(torch.tanh(self.a(x))))).flatten()


model, criterion, epochs = Net(), nn.SmoothL1Loss(), 16
optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
scheduler = OneCycleLR(optimizer, max_lr=0.3, div_factor=1000, epochs=epochs, steps_per_epoch=len(train_loader))
for epoch in range(epochs):
    model.train()
    running = 0.0
    for x, y in train_loader:
        optimizer.zero_grad()
        loss = criterion(model(x), y)
        loss.backward()
        optimizer.step()
        running += loss.item() / len(train_loader)
    scheduler.step()
    model.eval()
    with torch.no_grad():
        x, y = next(iter(val_loader))
        out = model(x)
        r2 = 1 - (out - y).square().mean() / y.var()
    print(f"epoch {epoch + 1:2d}  lr {scheduler.get_last_lr()[0]:.4f}  train {running:.4f}  val {criterion(out, y).item():.4f}  R2 {r2.item():.4f}")
print(f"R2 {r2.item():.4f}")
