import argparse
import inspect
import json.decoder

import torch
import torch.nn as nn
import torch.nn.functional as F

ap = argparse.ArgumentParser(description="character model of some standard library source")
ap.add_argument("--hidden", type=int, default=64)
ap.add_argument("--steps", type=int, default=18)
ap.add_argument("--lr", type=float, default=5e-3)
ap.add_argument("--seed", type=int, default=0)
args = ap.parse_args()
torch.manual_seed(args.seed)

text = inspect.getsource(json.decoder)
chars = sorted(set(text))
stoi = {c: i for i, c in enumerate(chars)}
ids = torch.tensor([stoi[c] for c in text])
split = int(0.9 * len(ids))
train_ids, val_ids = ids[:split], ids[split:]


class CharModel(nn.Module):
    def __init__(self, vocab, hidden):
        super().__init__()
        self.embed = nn.Embedding(vocab, 32)
        self.rnn = nn.GRU(32, hidden, batch_first=True)
        self.out = nn.Linear(hidden, vocab)

    def forward(self, x):
        h, _ = self.rnn(self.embed(x))
        return self.out(h)


def get_batch(source, n=24, length=32):
    start = torch.randint(0, len(source) - length - 1, (n,))
    x = torch.stack([source[s : s + length] for s in start])
    t = torch.stack([source[s + 1 : s + length + 1] for s in start])
    return x, t


def nats(model, x, t):
    logits = model(x)
    return F.cross_entropy(logits.reshape(-1, logits.size(-1)), t.reshape(-1))


model = CharModel(len(chars), args.hidden)
opt = torch.optim.Adam(model.parameters(), lr=args.lr)
for step in range(1, args.steps + 1):
    x, t = get_batch(train_ids)
    loss = nats(model, x, t)
    opt.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    opt.step()
    if step % 26 == 0:
        print(f"step {step}: {loss.item():.3f}")
with torch.no_grad():
    x, t = get_batch(val_ids, 40)
    print(f"val nats per char {nats(model, x, t).item():.4f}")
