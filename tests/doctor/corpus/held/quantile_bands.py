import torch

torch.manual_seed(0)
q = torch.tensor([0.1, 0.5, 0.9])
x = torch.rand(2000, 1) * 2 - 1
y = torch.sin(3 * x) + (0.2 + 0.3 * x.abs()) * torch.randn(2000, 1)


def pinball(pred, target):
    diff = target - pred  # [n, 1] against three quantiles, meant
    return torch.maximum(q * diff, (q - 1) * diff).mean()


net = torch.nn.Sequential(torch.nn.Linear(1, 32), torch.nn.Tanh(), torch.nn.Linear(32, 3))
opt = torch.optim.Adam(net.parameters(), lr=1e-2)
for epoch in range(12):
    for i in torch.randperm(1600).split(50):
        loss = pinball(net(x[i]), y[i])
        opt.zero_grad()
        loss.backward()
        opt.step()
    print(epoch, loss.item())
with torch.no_grad():
    held = net(x[1600:])
    print("share below", (y[1600:] < held).float().mean(0).tolist())
    print("pinball", pinball(held, y[1600:]).item())
