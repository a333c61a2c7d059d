"""For each letter of a random word: was it there before? An encoder with learned places."""
import torch
import torch.nn as nn

torch.manual_seed(3)
LETTERS, LENGTH, WIDTH, BATCH = 16, 12, 32, 50


def words(n):
    w = torch.randint(LETTERS, (n, LENGTH))
    before = torch.tril(torch.ones(LENGTH, LENGTH), diagonal=-1).bool()
    seen = ((w[:, :, None] == w[:, None, :]) & before).any(2)
    return w, seen.float()


class SeenBefore(nn.Module):
    def __init__(self):
        super().__init__()
        self.letters = nn.Embedding(LETTERS, WIDTH)
        self.places = nn.Parameter(0.5 * torch.randn(1, LENGTH, WIDTH))
        block = nn.TransformerEncoderLayer(WIDTH, 4, 64, dropout=0.0)
        self.blocks = nn.TransformerEncoder(block, 2, enable_nested_tensor=False)
        self.out = nn.Linear(WIDTH, 1)

    def forward(self, w):
        h = self.letters(w) + self.places
        h = self.blocks(h)
        return self.out(h).squeeze(-1)


model = SeenBefore()
opt = torch.optim.Adam(model.parameters(), lr=2e-3)
bce = nn.BCEWithLogitsLoss()
check_w, check_s = words(400)
for step in range(500):
    w, s = words(BATCH)
    loss = bce(model(w), s)
    opt.zero_grad()
    loss.backward()
    opt.step()
    if step % 100 == 99:
        model.eval()
        with torch.no_grad():
            out = model(check_w)
            print(step + 1, f"{bce(out, check_s):.4f}", f"{((out > 0) == (check_s > 0.5)).float().mean():.4f}")
        model.train()
