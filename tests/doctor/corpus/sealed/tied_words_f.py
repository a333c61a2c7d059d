"""Word model of code tokens: GRU, tied embeddings, hidden state carried from chunk to chunk."""
import collections
import io
import os
import tokenize

import torch
from torch import nn

torch.manual_seed(25)
lib = os.path.dirname(os.__file__)
FILES = "argparse.py ast.py calendar.py cgi.py configparser.py difflib.py doctest.py inspect.py pdb.py optparse.py".split()
stream = []
for name in FILES:
    with open(os.path.join(lib, name), encoding="utf-8") as f:
        source = f.read()
    for tok in tokenize.generate_tokens(io.StringIO(source).readline):
        if tok.type in (tokenize.NAME, tokenize.OP):
            stream.append(tok.string)
        elif tok.type == tokenize.NEWLINE:
            stream.append("<nl>")
common = [w for w, _ in collections.Counter(stream).most_common(299)]
vocab = {w: i + 1 for i, w in enumerate(common)}
ids = torch.tensor([vocab.get(w, 0) for w in stream])[:62000]

pieces = ids[: len(ids) // 2000 * 2000].view(-1, 2000)
is_val = torch.arange(len(pieces)) % 6 == 3


def batchify(x, columns):
    x = x.reshape(-1)
    n = len(x) // columns
    return x[: n * columns].view(columns, n).t().contiguous()


train_data, val_data = batchify(pieces[~is_val], 32), batchify(pieces[is_val], 10)
BPTT = 25


class WordGRU(nn.Module):
    def __init__(self, words, dim=64, drop=0.2):
        super().__init__()
        self.encoder = nn.Embedding(words, dim)
        self.drop = nn.Dropout(drop)
        self.rnn = nn.RNN(dim, dim, nonlinearity='relu')
        self.decoder = nn.Linear(dim, words)
        self.decoder.weight = self.encoder.weight
        nn.init.uniform_(self.encoder.weight, -0.1, 0.1)
        nn.init.zeros_(self.decoder.bias)
        nn.init.eye_(self.rnn.weight_hh_l0)
        self.rnn.weight_hh_l0.data.mul_(1.6)

    def forward(self, x, h):
        out, h = self.rnn(self.drop(self.encoder(x)), h)
        return self.decoder(self.drop(out)), h


model = WordGRU(300)
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=8e-3)
scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 5, gamma=0.25)


def evaluate(data):
    model.eval()
    h, total, count = None, 0.0, 0
    with torch.no_grad():
        for i in range(0, len(data) - 1, BPTT):
            x, y = data[i:i + BPTT], data[i + 1:i + 1 + BPTT]
            out, h = model(x[:len(y)], h)
            total += criterion(out.flatten(0, 1), y.flatten()).item() * y.numel()
            count += y.numel()
    return total / count


for epoch in range(1, 8):
    model.train()
    h = None
    for i in range(0, len(train_data) - 1, BPTT):
        x, y = train_data[i:i + BPTT], train_data[i + 1:i + 1 + BPTT]
        out, h = model(x[:len(y)], h)
        h = h.detach()
        loss = criterion(out.flatten(0, 1), y.flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    scheduler.step()
    print(f"epoch {epoch} train {evaluate(train_data):.3f} valid {evaluate(val_data):.3f}")
print(f"valid loss {evaluate(val_data):.4f}")
