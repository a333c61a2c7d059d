"""Seq2seq with attention: '7 mar 1994' -> '1994-03-07'."""
import random
import torch
import torch.nn as nn
import torch.nn.functional as F

random.seed(37)
torch.manual_seed(37)
MONTHS = 'jan feb mar apr may jun jul aug sep oct nov dec'.split()
CHARS = ['<pad>', '<s>', '</s>'] + sorted(set('0123456789- ,./' + ''.join(MONTHS)))
IDX = {c: i for i, c in enumerate(CHARS)}


def pair():
    y, m, d = random.randint(1950, 2049), random.randint(1, 12), random.randint(1, 28)
    form = random.choice(['{d} {n} {y}', '{n} {d}, {y}', '{d}.{m}.{y}', '{y}/{m:02d}/{d:02d}'])
    return form.format(d=d, m=m, n=MONTHS[m - 1], y=y), f'{y}-{m:02d}-{d:02d}'


def tensorise(pairs):
    longest = max(len(s) for s, _ in pairs)
    src = torch.tensor([[IDX[c] for c in s] + [0] * (longest - len(s)) for s, _ in pairs])
    tgt = torch.tensor([[1] + [IDX[c] for c in t] + [2] for _, t in pairs])
    return src, tgt


class Encoder(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.emb = nn.Embedding(len(CHARS), dim, padding_idx=0)
        self.rnn = nn.GRU(dim, dim, batch_first=True, bidirectional=True)
        self.bridge = nn.Linear(2 * dim, dim)

    def forward(self, src):
        out, h = self.rnn(self.emb(src))
        return self.bridge(out), torch.tanh(self.bridge(torch.cat([h[0], h[1]], 1))).unsqueeze(0)


class Decoder(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.emb = nn.Embedding(len(CHARS), dim)
        self.rnn = nn.GRU(dim, dim, batch_first=True)
        self.query = nn.Linear(dim, dim)
        self.out = nn.Linear(2 * dim, len(CHARS))

    def forward(self, tokens, h, memory, mask):
        q, h = self.rnn(self.emb(tokens), h)
        score = self.query(q) @ memory.transpose(1, 2)
        score = score.masked_fill(mask.unsqueeze(1), -1e9)
        weights = F.softmax(score, dim=-1)
        return self.out(torch.cat([q, weights @ memory], -1)), h


DIM = 48
encoder, decoder = Encoder(DIM), Decoder(DIM)
optimizer = torch.optim.Adam(list(encoder.parameters()) + list(decoder.parameters()), lr=6e-3)
scheduler = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.02, total_iters=2000)
test_src, test_tgt = tensorise([pair() for _ in range(400)])


def evaluate():
    with torch.no_grad():
        memory, h = encoder(test_src)
        mask = test_src == 0
        out, _ = decoder(test_tgt[:, :-1], h, memory, mask)
        loss = F.cross_entropy(out.flatten(0, 1), test_tgt[:, 1:].flatten())
        token, right = test_tgt[:, :1], torch.ones(len(test_src), dtype=torch.bool)
        for t in range(1, test_tgt.size(1)):
            o, h = decoder(token, h, memory, mask)
            token = o.argmax(-1)
            right &= token[:, 0] == test_tgt[:, t]
    return loss.item(), right.float().mean().item()


for step in range(1, 97):
    src, tgt = tensorise([pair() for _ in range(64)])
    memory, h = encoder(src)
    out, _ = decoder(tgt[:, :-1], h, memory, src == 0)
    loss = F.cross_entropy(out.flatten(0, 1), tgt[:, 1:].flatten())
    optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(list(encoder.parameters()) + list(decoder.parameters()), 1.0)
    optimizer.step()
    scheduler.step()
    if step % 32 == 0:
        print('step %d train %.4f test %.4f whole dates right %.3f' % (step, loss.item(), *evaluate()))
print('whole dates right: %.4f' % evaluate()[1])
