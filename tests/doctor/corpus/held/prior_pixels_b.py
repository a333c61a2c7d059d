import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(0)


def frames(n):
    y = torch.zeros(n, 1, 16, 16)
    where = torch.randint(1, 15, (n, 2))
    y[torch.arange(n), 0, where[:, 0], where[:, 1]] = 1
    blob = F.conv2d(y, torch.tensor([[[[0.2, 0.6, 0.2], [0.6, 2.0, 0.6], [0.2, 0.6, 0.2]]]]), padding=1)
    return blob + 0.3 * torch.randn(n, 1, 16, 16), y


net = nn.Sequential(nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 1, 3, padding=1))

opt = torch.optim.Adam(net.parameters(), lr=5e-3)
x, y = frames(400)
first = []
for epoch in range(6):
    for i in torch.randperm(400).split(20):
        loss = F.binary_cross_entropy_with_logits(net(x[i]), y[i])
        opt.zero_grad()
        loss.backward()
        opt.step()
        first.append(loss.item())
    print(epoch, loss.item())
print("mean over the first ten steps", sum(first[:10]) / 10)
