"""Tag every token of a line of Python: keyword, name of something defined before, operator, number, string, other."""
import io
import keyword
import os
import random
import tokenize

import torch
import torch.nn as nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence, pad_sequence
from torch.utils.data import DataLoader

random.seed(61)
torch.manual_seed(61)
TAGS = ["attribute", "call", "argument", "definition", "operator", "other"]


def examples(files=("tarfile.py", "argparse.py", "turtle.py", "inspect.py")):
    for name in files:
        with open(os.path.join(os.path.dirname(os.__file__), name), encoding="utf-8") as f:
            line = []
            for t in tokenize.generate_tokens(io.StringIO(f.read()).readline):
                if t.type == tokenize.NEWLINE:
                    if 4 <= len(line) <= 20:
                        yield line
                    line = []
                elif t.type in (tokenize.NAME, tokenize.OP, tokenize.NUMBER):
                    line.append(t.string)


def tag(line):
    tags = []
    for i, tok in enumerate(line):
        prev, nxt = line[i - 1] if i else "", line[i + 1] if i + 1 < len(line) else ""
        if prev in ("def", "class"):
            tags.append(3)
        elif not (tok[0].isalpha() or tok[0] == "_"):
            tags.append(4)
        elif keyword.iskeyword(tok):
            tags.append(5)
        elif nxt == "(":
            tags.append(1)
        elif prev == ".":
            tags.append(0)
        elif prev in ("(", ","):
            tags.append(2)
        else:
            tags.append(5)
    return tags


HIDE = {"(": "", ".": ""}
rows = list(examples())
random.shuffle(rows)
rows = rows[:3000]
freq = {}
for r in rows:
    for t in r:
        freq[t] = freq.get(t, 0) + 1
vocab = {t: i + 2 for i, t in enumerate(sorted(t for t in freq if freq[t] > 8))}
data = [(torch.tensor([vocab.get(t, 1) for t in r]), torch.tensor(tag(r))) for r in rows]


def collate(batch):
    batch.sort(key=lambda p: -len(p[0]))
    x, y = zip(*batch)
    lengths = torch.tensor([len(v) for v in x])
    return pad_sequence(x, batch_first=True), pad_sequence(y, batch_first=True, padding_value=-100), lengths


class Tagger(nn.Module):
    def __init__(self, words, tags):
        super().__init__()
        self.emb = nn.Embedding(words, 24, padding_idx=0)
        self.drop = nn.Dropout(0.2)
        self.rnn = nn.LSTM(24, 24, bidirectional=True)
        self.out = nn.Linear(48, tags)

    def forward(self, x, lengths):
        h, _ = self.rnn(self.drop(self.emb(x)))
        return self.out(h)


train, val = DataLoader(data[:2400], 48, shuffle=True, collate_fn=collate), DataLoader(data[2400:], 200, collate_fn=collate)
model = Tagger(len(vocab) + 2, len(TAGS))
criterion = nn.CrossEntropyLoss(ignore_index=-100)
optimizer = torch.optim.Adam(model.parameters(), lr=0.008)
scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 5, gamma=0.2)


def evaluate():
    model.eval()
    loss, right, total = 0.0, 0, 0
    with torch.no_grad():
        for x, y, n in val:
            out = model(x, n)
            loss += criterion(out.view(-1, out.size(-1)), y.view(-1)).item() / len(val)
            known = y >= 0
            right += (out.argmax(-1) == y)[known].sum().item()
            total += known.sum().item()
    return loss, right / total


for epoch in range(7):
    model.train()
    running = 0.0
    for x, y, n in train:
        optimizer.zero_grad()
        out = model(x, n)
        loss = criterion(out.view(-1, out.size(-1)), y.view(-1))
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        running += loss.item() / len(train)
    scheduler.step()
    print("epoch %d train %.4f val %.4f accuracy %.4f" % (epoch, running, *evaluate()))
print("token accuracy %.4f" % evaluate()[1])
