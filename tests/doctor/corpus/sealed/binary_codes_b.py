"""Autoencoder with binary codes: sign in the forward pass, straight-through in the backward pass."""
import torch
from torch import nn
from sklearn.datasets import load_digits

torch.manual_seed(24)
data = torch.tensor(load_digits().data, dtype=torch.float32)[torch.randperm(1797)] / 16
mean = data[:1400].mean(0)
data = data - mean
train, test = data[:1400], data[1400:]


class SignSTE(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return torch.where(x >= 0, 1.0, -1.0)

    @staticmethod
    def backward(ctx, grad):
        x, = ctx.saved_tensors
        return grad * (x.abs() <= 1)


class Coder(nn.Module):
    def __init__(self, bits=24):
        super().__init__()
        self.enc = nn.Sequential(nn.Linear(64, 96), nn.ReLU(), nn.Linear(96, bits), nn.BatchNorm1d(bits))
        self.dec = nn.Sequential(nn.Linear(bits, 96), nn.ReLU(), nn.Linear(96, 64))

    def forward(self, x):
        code = torch.where(self.enc(x) >= 0, 1.0, -1.0)
        return self.dec(code)


net = Coder()
opt = torch.optim.Adam(net.parameters(), lr=3e-3)
sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, 20)
for epoch in range(20):
    net.train()
    for xb in train[torch.randperm(len(train))].split(50):
        loss = nn.functional.mse_loss(net(xb), xb)
        opt.zero_grad()
        loss.backward()
        opt.step()
    sched.step()
    net.eval()
    with torch.no_grad():
        a, b = nn.functional.mse_loss(net(train), train).item(), nn.functional.mse_loss(net(test), test).item()
    if epoch % 2:
        print(f"epoch {epoch + 1}: train {a:.5f} test {b:.5f}")
print(f"test error {b:.5f}")
