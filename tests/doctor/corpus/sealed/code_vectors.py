"""word2vec (skip-gram with negative samples) on tokens of Python code."""
import collections
import io
import os
import tokenize

import numpy as np
import torch
from torch import nn
import torch.nn.functional as F

rng = np.random.default_rng(49)
torch.manual_seed(49)
lib = os.path.dirname(os.__file__)
tokens = []
for name in ("argparse.py", "inspect.py", "typing.py", "tarfile.py", "subprocess.py", "zipfile.py", "pdb.py"):
    with open(os.path.join(lib, name), encoding="utf-8") as f:
        for t in tokenize.generate_tokens(io.StringIO(f.read()).readline):
            if t.type in (tokenize.NAME, tokenize.OP):
                tokens.append(t.string)
frequent = [w for w, c in collections.Counter(tokens).most_common(250)]
index = {w: i for i, w in enumerate(frequent)}
ids = np.array([index[w] for w in tokens if w in index])
freq = np.bincount(ids) / len(ids)
keep = rng.random(len(ids)) < np.sqrt(2e-3 / freq[ids])
ids = ids[keep]
WINDOW = 2
pairs = np.concatenate([np.stack([ids[:-d], ids[d:]], 1) for d in range(1, WINDOW + 1)])
pairs = np.concatenate([pairs, pairs[:, ::-1]])
pairs = torch.tensor(pairs)
pairs = pairs[torch.randperm(len(pairs))][:60000]
train, val = pairs[:52000], pairs[52000:]
noise = torch.tensor(np.bincount(ids, minlength=250) ** 0.75, dtype=torch.float)


class SkipGram(nn.Module):
    def __init__(self, words, dim=24):
        super().__init__()
        self.centre = nn.Embedding(words, dim)
        self.context = nn.Embedding(words, dim)
        nn.init.uniform_(self.centre.weight, -0.5 / dim, 0.5 / dim)
        nn.init.zeros_(self.context.weight)

    def forward(self, c, pos, neg):
        v = self.centre(c)
        p = (v * self.context(pos)).sum(1)
        n = torch.bmm(self.context(neg), v.unsqueeze(2)).squeeze(2)
        return -(F.logsigmoid(p) + F.logsigmoid(-n).sum(1)).mean(), p, n


model = SkipGram(250)
opt = torch.optim.Adam(model.parameters(), lr=0.01)
EPOCHS, B, NEG = 6, 500, 4
sched = torch.optim.lr_scheduler.LinearLR(opt, 1.0, 0.01, total_iters=EPOCHS * len(train) // B)
val_neg = torch.multinomial(noise, len(val) * NEG, replacement=True).view(-1, NEG)
for epoch in range(EPOCHS):
    total = 0.0
    for rows in torch.randperm(len(train)).split(B):
        neg = torch.multinomial(noise, len(rows) * NEG, replacement=True).view(-1, NEG)
        loss, _, _ = model(train[rows, 0], train[rows, 1], neg)
        opt.zero_grad()
        loss.backward()
        opt.step()
        sched.step()
        total += loss.item() * B / len(train)
    with torch.no_grad():
        vl, p, n = model(val[:, 0], val[:, 1], val_neg)
    print(f"epoch {epoch} train {total:.4f} val {vl.item():.4f} true above noise {(p.unsqueeze(1) > n).float().mean().item():.4f}")
with torch.no_grad():
    e = F.normalize(model.centre.weight, dim=1)
    for w in ("self", "if", "return", "("):
        near = (e @ e[index[w]]).topk(4).indices[1:]
        print(w, "->", [frequent[i] for i in near])
print(f"val loss {vl.item():.4f}")
