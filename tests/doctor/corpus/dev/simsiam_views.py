"""Two views of one sample are told to agree, with a predictor and a stopped gradient; a linear probe judges."""
import torch
from torch import nn
import torch.nn.functional as F
from sklearn.datasets import load_digits

torch.manual_seed(0)
x, y = load_digits(return_X_y=True)
x = torch.tensor(x, dtype=torch.float32) / 16
y = torch.tensor(y)
order = torch.randperm(len(x))
x, y = x[order], y[order]
train_x, test_x, train_y, test_y = x[:1400], x[1400:], y[:1400], y[1400:]

def view(b):
    keep = (torch.rand_like(b) > 0.2).float()
    return b * keep + 0.1 * torch.randn_like(b)

class SimSiam(nn.Module):
    def __init__(self, dim=64):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(64, 128), nn.BatchNorm1d(128), nn.ReLU(),
                                     nn.Linear(128, dim), nn.BatchNorm1d(dim, affine=False))
        self.predictor = nn.Sequential(nn.Linear(dim, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Linear(32, dim))
    def forward(self, a, b):
        za, zb = self.encoder(a), self.encoder(b)
        return self.predictor(za), self.predictor(zb), za.detach(), zb.detach()

model = SimSiam()
opt = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, weight_decay=1e-4)
for epoch in range(12):
    model.train()
    for idx in torch.randperm(1400).split(100):
        b = train_x[idx]
        pa, pb, za, zb = model(view(b), view(b))
        loss = -(F.cosine_similarity(pa, zb).mean() + F.cosine_similarity(pb, za).mean()) / 2
        opt.zero_grad()
        loss.backward()
        opt.step()
    print(f"epoch {epoch} loss {loss.item():.3f}")
model.eval()
with torch.no_grad():
    f, g = model.encoder(train_x), model.encoder(test_x)
probe = nn.Linear(64, 10)
popt = torch.optim.Adam(probe.parameters(), lr=1e-2)
for _ in range(150):
    loss = F.cross_entropy(probe(f), train_y)
    popt.zero_grad()
    loss.backward()
    popt.step()
print("probe accuracy", round((probe(g).argmax(1) == test_y).float().mean().item(), 3))
