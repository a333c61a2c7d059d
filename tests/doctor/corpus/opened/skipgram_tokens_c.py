# skip-gram with negative sampling over the tokens of a few standard modules
import collections
import re
import sysconfig
from pathlib import Path

import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(2)
lib = Path(sysconfig.get_paths()["stdlib"])
corpus = []
for name in ("argparse.py", "inspect.py", "typing.py", "tarfile.py", "zipfile/__init__.py", "doctest.py"):
    path = lib / name
    if path.exists():
        corpus += re.findall(r"[a-z_]{2,}|[()\[\]:=.,]", path.read_text().lower())
counts = collections.Counter(corpus)
vocab = [w for w, c in counts.most_common(400)]
w2i = {w: i for i, w in enumerate(vocab)}
stream = torch.tensor([w2i[w] for w in corpus if w in w2i])
freq = torch.tensor([counts[w] for w in vocab], dtype=torch.float) ** 0.75

window = 2
center = stream[window:-window]
pairs = []
for off in (-2, -1, 1, 2):
    pairs.append(torch.stack([center, stream[window + off:len(stream) - window + off]], dim=1))
pairs = torch.cat(pairs)
pairs = pairs[torch.randperm(len(pairs))]
held, pairs = pairs[:4000], pairs[4000:64000]
held_neg = torch.multinomial(freq, 4000 * 5, replacement=True).view(4000, 5)


class SkipGram(nn.Module):
    def __init__(self, vocab_size, dim):
        super().__init__()
        self.u = nn.Embedding(vocab_size, dim)
        self.v = nn.Embedding(vocab_size, dim)
        self.u.weight.data.zero_()
        self.v.weight.data.zero_()

    def forward(self, pos_u, pos_v, neg_v):
        emb_u = self.u(pos_u)
        pos_score = (emb_u * self.v(pos_v)).sum(1)
        neg_score = torch.bmm(self.v(neg_v), emb_u.unsqueeze(2)).squeeze(2)
        return -(F.logsigmoid(pos_score) + F.logsigmoid(-neg_score).sum(1)).mean()


model = SkipGram(len(vocab), 32)
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
batch_size = 512

for epoch in range(9):
    perm = torch.randperm(len(pairs))
    total = 0.0
    for i in range(0, len(pairs), batch_size):
        b = pairs[perm[i:i + batch_size]]
        neg = torch.multinomial(freq, len(b) * 5, replacement=True).view(len(b), 5)
        optimizer.zero_grad()
        loss = model(b[:, 0], b[:, 1], neg)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(b)
    with torch.no_grad():
        held_loss = model(held[:, 0], held[:, 1], held_neg).item()
    print(f"epoch {epoch}: train {total / len(pairs):.4f} held-out {held_loss:.4f}")
