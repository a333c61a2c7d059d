"""A shop that grows: the last months are held out, so the network is judged on larger numbers than it has seen."""
import torch
from torch import nn
torch.manual_seed(3)
days = torch.arange(1500.)
sales = 0.004 * days + torch.sin(days * 2 * torch.pi / 7) + 0.6 * torch.sin(days * 2 * torch.pi / 30) + 0.15 * torch.randn(1500)
cut = 1150
sales = (sales - sales[:cut].mean()) / sales[:cut].std()
windows = sales.unfold(0, 29, 1)
x, y = windows[:, :28], windows[:, 28:] - windows[:, 27:28]
x_train, y_train, x_test, y_test = x[:cut - 28], y[:cut - 28], x[cut - 28:], y[cut - 28:]
net = nn.Sequential(nn.Linear(28, 32), nn.Tanh(), nn.Linear(32, 1))
opt = torch.optim.Adam(net.parameters(), lr=2e-3)
for epoch in range(40):
    for i in torch.randperm(len(x_train)).split(64):
        loss = nn.functional.mse_loss(net(x_train[i]), y_train[i])
        opt.zero_grad()
        loss.backward()
        opt.step()
    if epoch % 8 == 7:
        with torch.no_grad():
            print(epoch + 1, loss.item(), nn.functional.mse_loss(net(x_test), y_test).item())
