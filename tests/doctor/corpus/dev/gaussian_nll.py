import torch
from torch import nn
torch.manual_seed(0)
x = torch.rand(900, 1) * 6 - 3
s = 0.05 + 0.3 * torch.sigmoid(2 * x)
y = torch.sin(2 * x) + s * torch.randn_like(x)
net = nn.Sequential(nn.Linear(1, 50), nn.Tanh(), nn.Linear(50, 50), nn.Tanh(), nn.Linear(50, 2))
opt = torch.optim.Adam(net.parameters(), lr=3e-3)
crit = nn.GaussianNLLLoss()
for epoch in range(60):
    for i in torch.randperm(700).split(70):
        mean, raw = net(x[i]).chunk(2, 1)
        loss = crit(mean, y[i], nn.functional.softplus(raw) + 1e-4)
        opt.zero_grad(); loss.backward(); opt.step()
    if epoch % 10 == 9:
        with torch.no_grad():
            mean, raw = net(x[700:]).chunk(2, 1)
            print(epoch + 1, loss.item(), crit(mean, y[700:], nn.functional.softplus(raw) + 1e-4).item())
