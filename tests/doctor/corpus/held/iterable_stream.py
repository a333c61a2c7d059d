import torch
from torch import nn
from torch.utils.data import DataLoader, IterableDataset


class Stream(IterableDataset):
    """Endless samples of a fixed function, as from a sensor."""

    def __init__(self, seed):
        self.seed = seed

    def __iter__(self):
        g = torch.Generator().manual_seed(self.seed)
        while True:
            x = torch.randn(4, generator=g)
            yield x, torch.stack([x[0] * x[1] + x[2], x[3].abs() - 0.8])


torch.manual_seed(0)
model = nn.Sequential(nn.Linear(4, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 2))
opt = torch.optim.Adam(model.parameters(), lr=4e-3)
sched = torch.optim.lr_scheduler.LinearLR(opt, 1.0, 0.1, total_iters=300)
average = None
for n, (x, y) in enumerate(DataLoader(Stream(0), batch_size=64)):
    loss = nn.functional.mse_loss(model(x), y)
    opt.zero_grad()
    loss.backward()
    opt.step()
    sched.step()
    average = loss.item() if average is None else 0.95 * average + 0.05 * loss.item()
    if n % 60 == 0:
        print(n, average)
    if n == 300:
        break
print("running mse", average)
