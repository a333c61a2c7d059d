import torch
from sklearn.datasets import load_digits
from torch import nn


class Sign(torch.autograd.Function):
    """Sign forwards, clipped identity backwards (straight-through)."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return torch.where(x >= 0, 1.0, -1.0)

    @staticmethod
    def backward(ctx, grad):
        (x,) = ctx.saved_tensors
        return grad * (x.abs() <= 1)


class BinaryNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(64, 128)
        self.bn = nn.BatchNorm1d(128)
        self.fc2 = nn.Linear(128, 10)

    def forward(self, x):
        return self.fc2(Sign.apply(self.bn(self.fc1(x))))


torch.manual_seed(0)
d = load_digits()
X, Y = torch.tensor(d.data / 8 - 1).float(), torch.tensor(d.target)
idx = torch.randperm(len(X))
X, Y = X[idx], Y[idx]
net = BinaryNet()
opt = torch.optim.Adam(net.parameters(), lr=3e-3)
for epoch in range(8):
    net.train()
    for s in range(0, 1400, 70):
        opt.zero_grad()
        loss = nn.functional.cross_entropy(net(X[s : s + 70]), Y[s : s + 70])
        loss.backward()
        opt.step()

    with torch.no_grad():
        acc = (net(X[1400:]).argmax(1) == Y[1400:]).float().mean().item()
    print(epoch, round(loss.item(), 4), round(acc, 4))
