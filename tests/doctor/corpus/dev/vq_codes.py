import torch
from torch import nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
torch.manual_seed(0)
X = torch.tensor(load_digits().data, dtype=torch.float32).view(-1, 1, 8, 8) / 16
X = X[torch.randperm(len(X))]
train, test = X[:1500], X[1500:]
class VQ(nn.Module):
    def __init__(self, codes=64, dim=8):
        super().__init__()
        self.enc = nn.Sequential(nn.Conv2d(1, 24, 3, stride=2, padding=1), nn.ReLU(), nn.Conv2d(24, dim, 3, padding=1))
        self.dec = nn.Sequential(nn.ConvTranspose2d(dim, 24, 4, stride=2, padding=1), nn.ReLU(), nn.Conv2d(24, 1, 3, padding=1))
        self.book = nn.Embedding(codes, dim)
        nn.init.uniform_(self.book.weight, -0.3, 0.3)
    def forward(self, x):
        z = self.enc(x)
        flat = z.permute(0, 2, 3, 1).reshape(-1, z.shape[1])
        idx = torch.cdist(flat, self.book.weight).argmin(1)
        q = self.book(idx).view(z.shape[0], z.shape[2], z.shape[3], -1).permute(0, 3, 1, 2)
        vq = F.mse_loss(q, z.detach()) + 0.25 * F.mse_loss(z, q.detach())
        q = z + (q - z).detach()
        return self.dec(q), vq
m = VQ()
opt = torch.optim.Adam(m.parameters(), 3e-3)
for e in range(15):
    for i in torch.randperm(1500).split(125):
        out, vq = m(train[i])
        loss = F.mse_loss(out, train[i]) + vq
        opt.zero_grad(); loss.backward(); opt.step()
    with torch.no_grad():
        print(e, F.mse_loss(m(test)[0], test).item())
