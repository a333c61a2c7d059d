import torch
from torch import nn

torch.manual_seed(0)
SYMBOLS, FRAMES = 4, 12


def batch(n):
    target = torch.randint(1, SYMBOLS + 1, (n, 3))
    spread = target.repeat_interleave(4, dim=1)
    signal = nn.functional.one_hot(spread, SYMBOLS + 1).float() + 0.3 * torch.randn(n, FRAMES, SYMBOLS + 1)
    signal[:, 3::4] = 0.3 * torch.randn(n, 3, SYMBOLS + 1)
    return signal, target


class Reader(nn.Module):
    def __init__(self, hidden=32):
        super().__init__()
        self.rnn = nn.GRU(SYMBOLS + 1, hidden, bidirectional=True, batch_first=True)
        self.out = nn.Linear(2 * hidden, SYMBOLS + 1)

    def forward(self, x):
        return self.out(self.rnn(x)[0]).log_softmax(-1)


reader, ctc = Reader(), nn.CTCLoss(blank=0)
opt = torch.optim.Adam(reader.parameters(), lr=1e-2)
lengths = torch.full((32,), FRAMES), torch.full((32,), 3)
for step in range(160):
    signal, target = batch(32)
    log_probs = reader(signal).transpose(0, 1)
    loss = ctc(log_probs, target, *lengths)
    opt.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(reader.parameters(), 5.0)
    opt.step()
    if step % 40 == 0:
        print(step, round(loss.item(), 3))


def greedy(row):
    out = torch.unique_consecutive(row)
    return out[out != 0].tolist()


reader.eval()
with torch.no_grad():
    signal, target = batch(200)
    best = reader(signal).argmax(-1)
    right = sum(greedy(b) == t.tolist() for b, t in zip(best, target))
print("sequences right", right / 200)
