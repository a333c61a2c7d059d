"""Soft mixture of four experts for a piecewise function."""
import torch
import torch.nn as nn


class Expert(nn.Module):
    def __init__(self, dim, hidden):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(dim, hidden), nn.Tanh(), nn.Linear(hidden, 1))

    def forward(self, x):
        return self.layers(x)


class MixtureOfExperts(nn.Module):
    def __init__(self, dim=4, hidden=16, n=4):
        super().__init__()
        self.experts = [Expert(dim, hidden) for _ in range(n)]
        self.gate = nn.Sequential(nn.Linear(dim, 16), nn.Tanh(), nn.Linear(16, n))

    def forward(self, x):
        outs = torch.cat([e(x) for e in self.experts], dim=1)
        gates = torch.softmax(self.gate(x), dim=1)
        return (outs * gates).sum(1), gates


def generate(n):
    x = torch.randn(n, 4)
    quadrant = (x[:, 0] > 0).long() * 2 + (x[:, 1] > 0).long()
    pieces = torch.stack([torch.sin(2 * x[:, 2]), x[:, 3] ** 2 - 1, -x[:, 2], torch.cos(2 * x[:, 3])], 1)
    y = pieces.gather(1, quadrant[:, None]).squeeze(1)
    return x, y + 0.1 * torch.randn(n)


torch.manual_seed(51)
x, y = generate(6000)
xv, yv = generate(1500)
model = MixtureOfExperts()
loss_fn = nn.MSELoss()
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
scheduler = torch.optim.lr_scheduler.MultiStepLR(optimizer, milestones=[20, 26], gamma=0.2)
for epoch in range(30):
    model.train()
    total = 0.0
    for rows in torch.randperm(len(x)).split(128):
        out, gates = model(x[rows])
        loss = loss_fn(out, y[rows])
        balance = (gates.mean(0) * 4 - 1).square().mean()
        optimizer.zero_grad()
        (loss + 0.01 * balance).backward()
        optimizer.step()
        total += loss.item() * len(rows) / len(x)
    scheduler.step()
    if epoch % 3 == 2:
        with torch.no_grad():
            out, gates = model(xv)
            val = loss_fn(out, yv).item()
        print("epoch %2d train %.4f val %.4f use of each expert %s" % (epoch, total, val, [round(g, 2) for g in gates.mean(0).tolist()]))
print("val mse %.5f" % val)
