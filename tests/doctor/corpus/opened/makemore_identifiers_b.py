# next-letter model of Python identifiers, MLP as in Bengio et al. 2003
import keyword
import re
import sysconfig
import random
from pathlib import Path

import torch
import torch.nn.functional as F

lib = Path(sysconfig.get_paths()["stdlib"])
source = "\n".join(p.read_text(errors="ignore") for p in sorted(lib.glob("*.py"))[:60])
words = sorted({w for w in re.findall(r"\b[a-z]{3,12}\b", source) if not keyword.iskeyword(w)})
print(len(words), words[:8])

chars = sorted(set("".join(words)))
stoi = {s: i + 1 for i, s in enumerate(chars)}
stoi["."] = 0
block_size = 3


def build_dataset(words):
    X, Y = [], []
    for w in words:
        context = [0] * block_size
        for ch in w + ".":
            ix = stoi[ch]
            X.append(context)
            Y.append(ix)
            context = context[1:] + [ix]
    return torch.tensor(X), torch.tensor(Y)


random.seed(42)
random.shuffle(words)
n1 = int(0.8 * len(words))
n2 = int(0.9 * len(words))
Xtr, Ytr = build_dataset(words[:n1])
Xdev, Ydev = build_dataset(words[n1:n2])
Xte, Yte = build_dataset(words[n2:])

g = torch.Generator().manual_seed(2147483647)
n_embd, n_hidden, vocab_size = 10, 100, len(stoi)
C = torch.randn((vocab_size, n_embd), generator=g)
W1 = torch.randn((n_embd * block_size, n_hidden), generator=g)
b1 = torch.randn(n_hidden, generator=g) * 0.01
W2 = torch.randn((n_hidden, vocab_size), generator=g)
b2 = torch.zeros(vocab_size)
parameters = [C, W1, b1, W2, b2]
for p in parameters:
    p.requires_grad = True
print(sum(p.nelement() for p in parameters))


def run(X, Y):
    emb = C[X]
    h = torch.tanh(emb.view(emb.shape[0], -1) @ W1 + b1)
    logits = h @ W2 + b2
    return F.cross_entropy(logits, Y)


max_steps = 3000
for i in range(max_steps):
    ix = torch.randint(0, Xtr.shape[0], (64,), generator=g)
    loss = run(Xtr[ix], Ytr[ix])

    for p in parameters:
        p.grad = None
    loss.backward()

    lr = 0.2 if i < 2000 else 0.02
    for p in parameters:
        p.data += -lr * p.grad

    if i % 300 == 0:
        with torch.no_grad():
            print(f"{i:7d}/{max_steps:7d}: {loss.item():.4f} dev {run(Xdev, Ydev).item():.4f}")

with torch.no_grad():
    print("train", run(Xtr, Ytr).item())
    print("dev", run(Xdev, Ydev).item())
