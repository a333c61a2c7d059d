import torch

torch.manual_seed(6)
x = torch.rand(400) * 6 - 3
y = torch.sin(2 * x) + 0.1 * torch.randn(400)
centres = torch.nn.Parameter(torch.linspace(-3, 3, 25))
width = torch.nn.Parameter(torch.tensor(0.0))
weight = torch.nn.Parameter(torch.zeros(25))
opt = torch.optim.Adam([centres, width, weight], lr=0.03)


def curve(points):
    squares = (points[:, None] - centres) ** 2
    return torch.exp(-squares * width.exp()) @ weight


for step in range(300):
    rows = torch.randint(0, 300, (25,))
    loss = (curve(x[rows]) - y[rows]).pow(2).mean()
    opt.zero_grad()
    loss.backward()
    opt.step()
with torch.no_grad():
    print("held-out error", (curve(x[300:]) - y[300:]).pow(2).mean().item())
