# a few slots compete for the points of a cloud
import torch
from torch import nn

torch.manual_seed(13)
g = torch.Generator().manual_seed(2)


def clouds(n):
    centre = torch.randn(n, 3, 2, generator=g) * 2
    which = torch.randint(0, 3, (n, 30), generator=g)
    points = centre.gather(1, which[..., None].expand(-1, -1, 2)) + 0.2 * torch.randn(n, 30, 2, generator=g)
    return points, centre.norm(dim=2).amax(1)


class Slots(nn.Module):
    def __init__(self, d=24):
        super().__init__()
        self.put = nn.Sequential(nn.Linear(2, d), nn.ReLU(), nn.Linear(d, d))
        self.slots = nn.Parameter(torch.randn(4, d) * 0.3)
        self.out = nn.Sequential(nn.Linear(d, d), nn.ReLU(), nn.Linear(d, 1))

    def forward(self, points):
        h = self.put(points)
        share = torch.softmax(self.slots @ h.transpose(1, 2), dim=1)
        share = share / share.sum(-1, keepdim=True)
        return self.out((share @ h).amax(1)).squeeze(-1)


net = Slots()
opt = torch.optim.Adam(net.parameters(), lr=4e-3)
points, reach = clouds(1000)
new_points, new_reach = clouds(300)
for epoch in range(12):
    for i in torch.randperm(1000).split(50):
        loss = nn.functional.smooth_l1_loss(net(points[i]), reach[i])
        opt.zero_grad()
        loss.backward()
        opt.step()
with torch.no_grad():
    print("held-out loss", nn.functional.smooth_l1_loss(net(new_points), new_reach).item())
