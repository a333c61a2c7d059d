import torch
from torch import nn
torch.manual_seed(0)
U, I = 200, 120
pu, qi = torch.randn(U, 3), torch.randn(I, 3)
users, items = torch.randint(0, U, (9000,)), torch.randint(0, I, (9000,))
ratings = (3 + (pu[users] * qi[items]).sum(1) * 0.6 + 0.3 * torch.randn(9000)).clamp(1, 5).round()
class MF(nn.Module):
    def __init__(self, k=8):
        super().__init__()
        self.u, self.i = nn.Embedding(U, k), nn.Embedding(I, k)
        self.bu, self.bi = nn.Embedding(U, 1), nn.Embedding(I, 1)
        self.mu = nn.Parameter(torch.tensor(3.0))
        nn.init.normal_(self.u.weight, std=0.1); nn.init.normal_(self.i.weight, std=0.1)
        nn.init.zeros_(self.bu.weight); nn.init.zeros_(self.bi.weight)
    def forward(self, a, b):
        return self.mu + (self.u(a) * self.i(b)).sum(1) + self.bu(a).squeeze(1) + self.bi(b).squeeze(1)
m = MF()
opt = torch.optim.Adam(m.parameters(), lr=5e-3, weight_decay=1e-5)
for e in range(15):
    for i in torch.randperm(8000).split(200):
        loss = nn.functional.mse_loss(m(users[i], items[i]), ratings[i])
        opt.zero_grad(); loss.backward(); opt.step()
    with torch.no_grad(): print(e, loss.item(), nn.functional.mse_loss(m(users[8000:], items[8000:]), ratings[8000:]).sqrt().item())
