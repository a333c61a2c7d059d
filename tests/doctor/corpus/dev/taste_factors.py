"""Who likes what: tables of factors for people and dishes, trained on a part of the table."""
import torch

torch.manual_seed(4)
people, dishes, factors = 120, 80, 3
true = torch.randn(people, factors) @ torch.randn(dishes, factors).T / factors**0.5
who, what = torch.randint(people, (6000,)), torch.randint(dishes, (6000,))
liking = true[who, what] + 0.1 * torch.randn(6000)


class Taste(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.p = torch.nn.Parameter(0.3 * torch.randn(people, 5))
        self.d = torch.nn.Parameter(0.3 * torch.randn(dishes, 5))

    def forward(self, who, what):
        return (self.p[who] * self.d[what]).sum(1)


taste = Taste()
opt = torch.optim.Adam(taste.parameters(), lr=0.02)
for epoch in range(30):
    for i in torch.randperm(5000).split(125):
        loss = torch.nn.functional.mse_loss(taste(who[i], what[i]), liking[i])
        opt.zero_grad()
        loss.backward()
        opt.step()
with torch.no_grad():
    left = (taste(who[5000:], what[5000:]) - liking[5000:]).square().mean() / liking[5000:].var()
print("unexplained share", left.item())
