# every epoch asks another annotator: one label in five is drawn at random
import torch
from torch import nn

torch.manual_seed(19)
x = torch.randn(900, 10)
truth = (x[:, 0] * x[:, 1] + x[:, 2] > 0).long() + (x[:, 3] > 0.8).long()
net = nn.Sequential(nn.Linear(10, 48), nn.ReLU(), nn.Linear(48, 3))
opt = torch.optim.Adam(net.parameters(), lr=5e-3)
for epoch in range(15):
    wrong = torch.rand(700) < 0.2
    said = torch.where(wrong, torch.randint(0, 3, (700,)), truth[:700])
    for i in torch.randperm(700).split(35):
        loss = nn.functional.cross_entropy(net(x[i]), said[i])
        opt.zero_grad()
        loss.backward()
        opt.step()
    with torch.no_grad():
        acc = (net(x[700:]).argmax(1) == truth[700:]).float().mean().item()
    print(epoch, acc)
