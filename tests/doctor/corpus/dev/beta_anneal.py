import torch
from torch import nn
from sklearn.datasets import load_digits
torch.manual_seed(0)
X = (torch.tensor(load_digits().data, dtype=torch.float32) / 16)[torch.randperm(1797)]
class VAE(nn.Module):
    def __init__(self):
        super().__init__()
        self.enc = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 16))
        self.dec = nn.Sequential(nn.Linear(8, 64), nn.ReLU(), nn.Linear(64, 64))
    def forward(self, x):
        m, lv = self.enc(x).chunk(2, 1)
        return self.dec(m + torch.randn_like(m) * (0.5 * lv).exp()), m, lv
vae = VAE()
opt = torch.optim.Adam(vae.parameters(), lr=2e-3)
step = 0
for epoch in range(20):
    for b in X[:1500][torch.randperm(1500)].split(60):
        beta = min(1.0, step / 400)
        out, m, lv = vae(b)
        rec = ((out - b) ** 2).sum(1).mean() / 0.1
        kl = 0.5 * (m ** 2 + lv.exp() - 1 - lv).sum(1).mean()
        loss = rec + 4 * beta * kl
        opt.zero_grad()
        loss.backward()
        opt.step()
        step += 1
with torch.no_grad():
    out, m, lv = vae(X[1500:])
print("reconstruction", ((out - X[1500:]) ** 2).mean().item())
