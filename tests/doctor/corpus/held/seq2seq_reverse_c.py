import random

import torch
import torch.nn as nn

random.seed(0)
torch.manual_seed(0)
VOCAB, LENGTH, BOS = 8, 5, 8


class Encoder(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.emb = nn.Embedding(VOCAB + 1, dim)
        self.gru = nn.GRU(dim, dim, batch_first=True)

    def forward(self, src):
        return self.gru(self.emb(src))[1]


class Decoder(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.emb = nn.Embedding(VOCAB + 1, dim)
        self.gru = nn.GRU(dim, dim, batch_first=True)
        self.proj = nn.Linear(dim, VOCAB)

    def forward(self, tokens, state):
        out, state = self.gru(self.emb(tokens), state)
        return self.proj(out), state


def sample(n):
    src = torch.randint(0, VOCAB, (n, LENGTH))
    return src, src.flip(1)


encoder, decoder = Encoder(64), Decoder(64)
enc_opt = torch.optim.Adam(encoder.parameters(), lr=5e-3)
dec_opt = torch.optim.Adam(decoder.parameters(), lr=5e-3)
criterion = nn.CrossEntropyLoss()


def train_step(src, tgt):
    enc_opt.zero_grad()
    dec_opt.zero_grad()
    state = encoder(src).detach()
    start = torch.full((len(src), 1), BOS)
    logits, _ = decoder(torch.cat([start, tgt[:, :-1]], 1), state)
    loss = criterion(logits.flatten(0, 1), tgt.flatten())
    loss.backward()
    enc_opt.step()
    dec_opt.step()
    return loss.item()


for it in range(220):
    loss = train_step(*sample(64))
    if it % 40 == 0:
        print(f"iter {it} loss {loss:.3f}")

with torch.no_grad():
    src, tgt = sample(200)
    state, token, outs = encoder(src), torch.full((200, 1), BOS), []
    for _ in range(LENGTH):
        logits, state = decoder(token, state)
        token = logits.argmax(-1)
        outs.append(token)
print("token accuracy", (torch.cat(outs, 1) == tgt).float().mean().item())
