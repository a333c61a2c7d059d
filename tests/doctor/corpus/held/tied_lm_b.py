import os
import torch
import torch.nn as nn

torch.manual_seed(0)
with open(os.__file__) as f:
    corpus = f.read()[:16000].lower()
vocab = sorted(set(corpus))
ix = {ch: k for k, ch in enumerate(vocab)}
stream = torch.tensor([ix[ch] for ch in corpus])
rows = 16
cols = len(stream) // rows
stream = stream[: rows * cols].view(rows, cols)
train, valid = stream[:, : int(cols * 0.85)], stream[:, int(cols * 0.85) :]


class TiedLSTM(nn.Module):
    def __init__(self, n, d=64):
        super().__init__()
        self.encoder = nn.Embedding(n, d)
        self.lstm = nn.LSTM(d, d)
        self.decoder = nn.Linear(d, n)
        self.decoder.weight = self.encoder.weight
        nn.init.uniform_(self.encoder.weight, -0.1, 0.1)
        nn.init.zeros_(self.decoder.bias)

    def forward(self, x, hidden=None):
        out, hidden = self.lstm(self.encoder(x), hidden)
        return self.decoder(out), hidden


def repackage(h):
    return tuple(v.detach() for v in h)


def evaluate(model, data):
    model.eval()
    with torch.no_grad():
        logits, _ = model(data[:, :-1])
        return nn.functional.cross_entropy(logits.reshape(-1, len(vocab)), data[:, 1:].reshape(-1)).item()


model = TiedLSTM(len(vocab))
opt = torch.optim.Adam(model.parameters(), lr=1e-2)
for epoch in range(5):
    model.train()
    hidden = None
    for s in range(0, train.size(1) - 1, 30):
        x = train[:, s : s + 30]
        y = train[:, s + 1 : s + 31]
        x = x[:, : y.size(1)]
        logits, _ = model(x)
        loss = nn.functional.cross_entropy(logits.reshape(-1, len(vocab)), y.reshape(-1))
        opt.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 0.5)
        opt.step()
    print("epoch", epoch, "valid", evaluate(model, valid))
