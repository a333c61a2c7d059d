import torch
from torch import nn

torch.manual_seed(0)
USERS, ITEMS, RANK = 80, 60, 3
ratings = torch.randn(USERS, RANK) @ torch.randn(RANK, ITEMS) / RANK**0.5
known = torch.rand(USERS, ITEMS) < 0.6
uu, ii = known.nonzero(as_tuple=True)
value = ratings[uu, ii] + 0.1 * torch.randn(len(uu))
hu, hi = (~known).nonzero(as_tuple=True)


class Factors(nn.Module):
    def __init__(self, dim=4):
        super().__init__()
        self.user = nn.Embedding(USERS, dim, sparse=True)
        self.item = nn.Embedding(ITEMS, dim, sparse=True)
        for table in (self.user, self.item):
            nn.init.zeros_(table.weight)

    def forward(self, a, b):
        return (self.user(a) * self.item(b)).sum(-1)


model = Factors()
opt = torch.optim.SparseAdam(list(model.parameters()), lr=0.02)
for epoch in range(25):
    for k in torch.randperm(len(uu)).split(128):
        loss = nn.functional.mse_loss(model(uu[k], ii[k]), value[k])
        opt.zero_grad()
        loss.backward()
        opt.step()
    if epoch % 5 == 4:
        print(epoch + 1, loss.item())
with torch.no_grad():
    print("held-out mse", nn.functional.mse_loss(model(hu, hi), ratings[hu, hi]).item())
