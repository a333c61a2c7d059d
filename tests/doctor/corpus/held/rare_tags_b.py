# twelve rare tags
import torch
import torch.nn as nn

torch.manual_seed(2)
proto = torch.randn(12, 24)


def draw(n):
    tags = (torch.rand(n, 12) < 0.05).float()
    return tags @ proto + torch.randn(n, 24), tags


x, t = draw(1600)
xv, tv = draw(400)
net = nn.Sequential(nn.Linear(24, 48), nn.ReLU(), nn.Linear(48, 12))

loss_fn = nn.BCEWithLogitsLoss()
opt = torch.optim.Adam(net.parameters(), lr=2e-3)
early = []
for epoch in range(12):
    for i in torch.randperm(1600).split(40):
        loss = loss_fn(net(x[i]), t[i])
        opt.zero_grad()
        loss.backward()
        opt.step()
        early.append(loss.item())
    with torch.no_grad():
        print(f"epoch {epoch} val {loss_fn(net(xv), tv).item():.4f}")
print("mean loss of the first ten steps", sum(early[:10]) / 10)
