import torch
from sklearn.datasets import load_digits
from torch import nn

torch.manual_seed(0)
d = load_digits()
images, labels = torch.tensor(d.images, dtype=torch.float32).unsqueeze(1) / 8 - 1, torch.tensor(d.target)
perm = torch.randperm(len(images))
net = nn.Sequential(nn.Conv2d(1, 12, 3), nn.ReLU(), nn.Flatten(), nn.Linear(12 * 36, 10))
opt = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9)
MAX_BATCHES = 100
for number in range(MAX_BATCHES):
    rows = perm[torch.randint(0, 1500, (32,))]
    opt.zero_grad()
    loss = nn.functional.cross_entropy(net(images[rows]), labels[rows.sort().values])
    loss.backward()
    opt.step()
    if number % 25 == 0:
        print("batch", number, "loss", loss.item())
with torch.no_grad():
    rest = perm[1500:]
    print("accuracy", (net(images[rest]).argmax(1) == labels[rest]).float().mean().item())
