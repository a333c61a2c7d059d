"""CTC: read digits from a noisy one-dimensional signal without knowing where they are."""
import torch
from torch import nn

torch.manual_seed(50)
PATTERNS = torch.randn(5, 6)  # five symbols, each with a shape of six samples
T = 48


def signals(n):
    x = 0.35 * torch.randn(n, T)
    lengths = torch.randint(2, 5, (n,))
    targets = torch.zeros(n, 4, dtype=torch.long)
    for i in range(n):
        pos = int(torch.randint(0, 5, ()))
        for k in range(int(lengths[i])):
            s = int(torch.randint(5, ()))
            targets[i, k] = s + 1
            x[i, pos:pos + 6] += PATTERNS[s]
            pos += 6 + int(torch.randint(1, 5, ()))
    return x.unsqueeze(1), targets, lengths


class Reader(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Sequential(nn.Conv1d(1, 32, 7, padding=3), nn.ReLU(), nn.Conv1d(32, 32, 5, stride=2, padding=2), nn.ReLU())
        self.rnn = nn.GRU(32, 32, batch_first=True, bidirectional=True)
        self.fc = nn.Linear(64, 6)

    def forward(self, x):
        h, _ = self.rnn(self.conv(x).transpose(1, 2))
        return self.fc(h).log_softmax(-1).transpose(0, 1)  # time, batch, symbols


def read_out(log_probs):
    best = log_probs.argmax(-1).T
    return [[int(a) for a, b in zip(row, [-1] + row[:-1].tolist()) if a != b and a != 0] for row in best]


x_train, t_train, l_train = signals(2000)
x_val, t_val, l_val = signals(400)
model = Reader()
ctc = nn.CTCLoss(blank=0)
opt = torch.optim.Adam(model.parameters(), lr=0.2)
sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, 10)


def ctc_loss(x, t, l):
    lp = model(x)
    return ctc(lp, t, torch.full((len(x),), lp.size(0)), l), lp


for epoch in range(10):
    model.train()
    total = 0.0
    for i in torch.randperm(2000).split(50):
        loss, _ = ctc_loss(x_train[i], t_train[i], l_train[i])
        opt.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 2.0)
        opt.step()
        total += loss.item() / 40
    sched.step()
    model.eval()
    with torch.no_grad():
        val, lp = ctc_loss(x_val, t_val, l_val)
    right = sum(r == t[:l].tolist() for r, t, l in zip(read_out(lp), t_val, l_val)) / 400
    print(f"epoch {epoch} train {total:.4f} val {val.item():.4f} sequences right {right:.4f}")
print(f"sequences right {right:.4f}")
