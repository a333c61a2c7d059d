import torch
from torch import nn
torch.manual_seed(0)
x = torch.rand(1500, 3)
y = 20 * x[:, :1] + 5 * torch.randn(1500, 1) * x[:, 1:2]
ym, ys = y[:1200].mean(), y[:1200].std()
z = (y - ym) / ys
q = torch.tensor([0.1, 0.5, 0.9])
net = nn.Sequential(nn.Linear(3, 48), nn.ReLU(), nn.Linear(48, 3))
opt = torch.optim.NAdam(net.parameters(), 2e-3)
for e in range(20):
    for i in torch.randperm(1200).split(60):
        d = z[i] - net(x[i])
        loss = torch.maximum(q * d, (q - 1) * d).mean()
        opt.zero_grad(); loss.backward(); opt.step()
with torch.no_grad():
    out = net(x[1200:])
    cover = ((z[1200:, 0] > out[:, 0]) & (z[1200:, 0] < out[:, 2])).float().mean().item()
    d = z[1200:] - out
    print("coverage", cover, "pinball", torch.maximum(q * d, (q - 1) * d).mean().item())
