import torch
from torch import nn
from torch.optim.lr_scheduler import CosineAnnealingWarmRestarts

torch.manual_seed(6)
X = torch.randn(1200, 6)
Y = torch.tanh(X @ torch.randn(6, 4)).prod(1, keepdim=True) * 3 + X[:, :1]
Y = (Y - Y.mean()) / Y.std()
net = nn.Sequential(nn.Linear(6, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 1))
optimiser = torch.optim.Adam(net.parameters(), lr=5e-3)
scheduler = CosineAnnealingWarmRestarts(optimiser, T_0=250)
for step in range(1000):
    i = torch.randint(0, 1000, (50,))
    loss = (net(X[i]) - Y[i]).square().mean()
    optimiser.zero_grad(set_to_none=True)
    loss.backward()
    optimiser.step()
    scheduler.step()
    if (step + 1) % 50 == 0:
        with torch.no_grad():
            print(step + 1, "val", (net(X[1000:]) - Y[1000:]).square().mean().item())
