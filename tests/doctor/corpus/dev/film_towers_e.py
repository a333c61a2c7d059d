# who likes what: two embedding tables and a small head
import torch
from torch import nn

torch.manual_seed(31)
PEOPLE, FILMS = 120, 90
taste, genre = torch.randn(PEOPLE, 3), torch.randn(FILMS, 3)
person = torch.randint(0, PEOPLE, (6000,))
film = torch.randint(0, FILMS, (6000,))
liked = ((taste[person] * genre[film]).sum(1) + 0.3 * torch.randn(6000) > 0).float()


class Towers(nn.Module):
    def __init__(self, size=12):
        super().__init__()
        self.person = nn.Embedding(PEOPLE, size)
        self.film = nn.Embedding(FILMS, size)
        nn.init.normal_(self.person.weight, std=0.3)
        nn.init.normal_(self.film.weight, std=0.3)
        self.mix = nn.Sequential(nn.Linear(size, 16), nn.ReLU(), nn.Linear(16, 1))

    def forward(self, person, film):
        return self.mix(self.person(person) * self.film(film)).squeeze(1)


towers = Towers()
optim = torch.optim.Adam(towers.parameters(), lr=0.01)
for epoch in range(8):
    shuffled = torch.randperm(6000)
    for rows in shuffled.split(100):
        logit = towers(person[rows], film[rows])
        loss = nn.functional.binary_cross_entropy_with_logits(logit, liked[rows])
        optim.zero_grad()
        loss.backward()
        optim.step()
    with torch.no_grad():
        said = towers(person[5000:], film[5000:]) > 0
        right = (said == (liked[5000:] > 0.5)).float().mean().item()
    print(f"{epoch} {right:.4f}")
