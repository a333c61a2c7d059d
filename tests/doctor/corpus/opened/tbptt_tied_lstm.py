import math
import sysconfig
from pathlib import Path

import torch
from torch import nn

torch.manual_seed(55)
text = Path(sysconfig.get_paths()["stdlib"], "datetime.py" ).read_text()
pydt = Path(sysconfig.get_paths()["stdlib"], "_pydatetime.py")
if pydt.exists():
    text = pydt.read_text()
text = "".join(c for c in text if c in "\n" or " " <= c <= "~")[:42000]
alphabet = sorted(set(text))
lookup = {c: i for i, c in enumerate(alphabet)}
ids = torch.tensor([lookup[c] for c in text])


def batchify(data, bsz):
    n = len(data) // bsz
    return data[:n * bsz].view(bsz, n).t().contiguous()


bptt, bsz = 32, 20
train_data = batchify(ids[:36000], bsz)
val_data = batchify(ids[36000:], 10)


class RNNModel(nn.Module):
    def __init__(self, ntoken, nhid):
        super().__init__()
        self.drop = nn.Dropout(0.1)
        self.encoder = nn.Embedding(ntoken, nhid)
        self.rnn = nn.LSTM(nhid, nhid)
        self.decoder = nn.Linear(nhid, ntoken)
        self.decoder.weight = self.encoder.weight
        nn.init.uniform_(self.encoder.weight, -0.1, 0.1)
        nn.init.zeros_(self.decoder.bias)

    def forward(self, input, hidden):
        output, hidden = self.rnn(self.drop(self.encoder(input)), hidden)
        return self.decoder(self.drop(output)), hidden

    def init_hidden(self, bsz):
        weight = next(self.parameters())
        return weight.new_zeros(1, bsz, self.rnn.hidden_size), weight.new_zeros(1, bsz, self.rnn.hidden_size)


def repackage_hidden(h):
    return tuple(v.detach() for v in h)


def get_batch(source, i):
    seq_len = min(bptt, len(source) - 1 - i)
    return source[i:i + seq_len], source[i + 1:i + 1 + seq_len].reshape(-1)


model = RNNModel(len(alphabet), 72)
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)


def evaluate(source):
    model.eval()
    total = 0.
    hidden = model.init_hidden(source.size(1))
    with torch.no_grad():
        for i in range(0, source.size(0) - 1, bptt):
            data, targets = get_batch(source, i)
            output, hidden = model(data, hidden)
            total += len(data) * criterion(output.view(-1, len(alphabet)), targets).item()
    return total / (len(source) - 1)


for epoch in range(1, 11):
    model.train()
    hidden = model.init_hidden(bsz)
    total, n = 0., 0
    for i in range(0, train_data.size(0) - 1, bptt):
        data, targets = get_batch(train_data, i)
        hidden = repackage_hidden(hidden)
        optimizer.zero_grad()
        output, hidden = model(data, hidden)
        loss = criterion(output.view(-1, len(alphabet)), targets)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 0.5)
        optimizer.step()
        total += loss.item()
        n += 1
    for group in optimizer.param_groups:
        group['lr'] *= 0.6
    val_loss = evaluate(val_data)
    print('| end of epoch {:2d} | train loss {:5.3f} | ppl {:7.3f} | valid loss {:6.4f}'.format(
        epoch, total / n, math.exp(val_loss), val_loss))
