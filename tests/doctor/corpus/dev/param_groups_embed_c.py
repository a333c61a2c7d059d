import torch
import torch.nn as nn

torch.manual_seed(0)
n = 1500
colour, city = torch.randint(0, 5, (n,)), torch.randint(0, 20, (n,))
numeric = torch.randn(n, 3)
effect = torch.randn(20)
score = effect[city] + (colour == 2).float() * numeric[:, 0] * 2 + numeric[:, 1] - numeric[:, 2].abs() + 0.5
bought = (score + 0.2 * torch.randn(n) > 0).float()


class Tabular(nn.Module):
    def __init__(self):
        super().__init__()
        self.colour, self.city = nn.Embedding(5, 3), nn.Embedding(20, 4)
        self.norm = nn.LayerNorm(10)
        self.mlp = nn.Sequential(nn.Linear(10, 48), nn.GELU(), nn.Linear(48, 1))

    def forward(self, colour, city, numeric):
        row = torch.cat([self.colour(colour), self.city(city), numeric], dim=1)
        return self.mlp(self.norm(row)).flatten()


model = Tabular()
decay = [p for k, p in model.named_parameters() if p.dim() > 1]
rest = [p for k, p in model.named_parameters() if p.dim() <= 1]
optimizer = torch.optim.NAdam(
    [{"params": decay, "weight_decay": 1e-3}, {"params": rest, "weight_decay": 0.0}], lr=5e-3
)
for epoch in range(12):
    for i in torch.randperm(1100).split(44):
        out = torch.sigmoid(model(colour[i], city[i], numeric[i]))
        loss = nn.functional.binary_cross_entropy_with_logits(out, bought[i])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        guess = model(colour[1100:], city[1100:], numeric[1100:]) > 0
    print(epoch, round(loss.item(), 3), (guess == bought[1100:].bool()).float().mean().item())
