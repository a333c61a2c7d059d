"""The next note of simple melodies: arpeggios up and down, with many a wrong note."""
import torch
from torch import nn

torch.manual_seed(9)
NOTES, LENGTH = 20, 16


def melodies(n):
    start, step = torch.randint(NOTES, (n, 1)), torch.randint(1, 5, (n, 1))
    turn = torch.randint(3, 6, (n, 1))
    t = torch.arange(LENGTH + 1)
    line = (start + step * ((t % (2 * turn)) - turn).abs()) % NOTES
    wrong = torch.rand(n, LENGTH + 1) < 0.25
    return torch.where(wrong, torch.randint(NOTES, line.shape), line)


train, valid = melodies(1500), melodies(300)


class Player(nn.Module):
    def __init__(self, size=40):
        super().__init__()
        self.notes = nn.Embedding(NOTES, 16)
        self.memory = nn.LSTM(16, size, batch_first=True, bidirectional=True)
        self.next = nn.Linear(2 * size, NOTES)

    def forward(self, heard):
        held, _ = self.memory(self.notes(heard))
        return self.next(held)


player = Player()
opt = torch.optim.Adam(player.parameters(), lr=5e-3)


def loss_on(rows):
    heard, following = rows[:, :-1], rows[:, 1:]
    return nn.functional.cross_entropy(player(heard).transpose(1, 2), following)


for epoch in range(8):
    player.train()
    for rows in train[torch.randperm(len(train))].split(50):
        loss = loss_on(rows)
        opt.zero_grad()
        loss.backward()
        opt.step()
    player.eval()
    with torch.no_grad():
        print(epoch, f"{loss_on(valid).item():.4f}")
