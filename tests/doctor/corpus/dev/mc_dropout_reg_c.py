import torch
import torch.nn as nn

torch.manual_seed(0)
x = torch.rand(500, 3) * 4 - 2
y = (torch.sin(x[:, :1] * 2) + x[:, 1:2] * x[:, 2:] / 2) + 0.1 * torch.randn(500, 1)
y = (y - y.mean()) / y.std()
xt, yt, xs, ys = x[:400], y[:400], x[400:], y[400:]

net = nn.Sequential(
    nn.Linear(3, 64), nn.Dropout(0.05), nn.Linear(64, 64), nn.Dropout(0.05), nn.Linear(64, 1)
)
opt = torch.optim.Adam(net.parameters(), lr=5e-3)
net.train()
for epoch in range(30):
    for i in torch.randperm(400).split(40):
        opt.zero_grad()
        loss = nn.functional.mse_loss(net(xt[i]), yt[i])
        loss.backward()
        opt.step()
    if epoch % 10 == 9:
        print(epoch + 1, loss.item())


def mc_predict(model, inputs, samples=30):
    """Monte Carlo dropout: dropout stays on, the spread is the uncertainty."""
    model.train()
    with torch.no_grad():
        draws = torch.stack([model(inputs) for _ in range(samples)])
    return draws.mean(0), draws.std(0)


mean, spread = mc_predict(net, xs)
print("mean spread", spread.mean().item(), "mc mse", nn.functional.mse_loss(mean, ys).item())
