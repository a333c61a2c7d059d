"""Sum of a sequence of digits; short sequences first, long ones later (a curriculum on purpose)."""
import torch
import torch.nn as nn

torch.manual_seed(0)


class Adder(nn.Module):
    def __init__(self, hidden=32):
        super().__init__()
        self.cell = nn.GRUCell(1, hidden)
        self.read = nn.Linear(hidden, 1)

    def forward(self, seq):
        h = seq.new_zeros(seq.size(0), self.cell.hidden_size)
        for t in range(seq.size(1)):
            h = 0.05 * torch.sigmoid(self.cell(seq[:, t : t + 1], 0.05 * h))
        return self.read(h)


def examples(n, length):
    seq = torch.randn(n, length)
    return seq, seq.sum(1, keepdim=True) / 10**0.5


model = Adder()
opt = torch.optim.Adam(model.parameters(), lr=5e-3)
for length in (2, 4, 6, 8, 10):
    for step in range(80):
        seq, total = examples(64, length)
        loss = nn.functional.mse_loss(model(seq), total)
        opt.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        opt.step()
    print("length", length, "loss", loss.item())
with torch.no_grad():
    seq, total = examples(500, 10)
    print("mse on length 10:", nn.functional.mse_loss(model(seq), total).item())
