'''
Character-level generator in the style of the old blog posts: one long text, hidden state kept, print samples.
'''
import json, os
import torch
import torch.nn as nn

torch.manual_seed(65)
text = open(os.path.join(os.path.dirname(json.__file__), 'decoder.py')).read() + open(os.path.join(os.path.dirname(json.__file__), 'encoder.py')).read() + open(os.path.join(os.path.dirname(json.__file__), 'scanner.py')).read()
text += open(os.path.join(os.path.dirname(os.__file__), 'pprint.py')).read() + open(os.path.join(os.path.dirname(os.__file__), 'copy.py')).read()
chars = sorted(list(set(text)))
char_to_ix = {ch: i for i, ch in enumerate(chars)}
ix_to_char = {i: ch for i, ch in enumerate(chars)}
encoded = torch.tensor([char_to_ix[c] for c in text])
parts = encoded[:len(encoded) // 500 * 500].view(-1, 500)
valid = parts[4::9].reshape(-1)
train = parts[[i for i in range(len(parts)) if i % 9 != 4]].reshape(-1)

hidden_size, seq_length, streams = 96, 25, 24


def to_streams(x, k):
    n = (len(x) - 1) // k
    return x[:n * k].view(k, n), x[1:n * k + 1].view(k, n)


class CharRNN(nn.Module):
    def __init__(self, size, hidden):
        super(CharRNN, self).__init__()
        self.encoder = nn.Embedding(size, 32)
        self.rnn = nn.GRU(32, hidden, batch_first=True)
        self.decoder = nn.Linear(hidden, size)

    def forward(self, x, h=None):
        out, h = self.rnn(self.encoder(x), h)
        return self.decoder(out), h


rnn = CharRNN(len(chars), hidden_size)
loss_fn = nn.CrossEntropyLoss()
opt = torch.optim.Adam(rnn.parameters(), lr=0.005, weight_decay=1e-5)
xs, ys = to_streams(train, streams)
vx, vy = to_streams(valid, 4)


def validation():
    with torch.no_grad():
        out, _ = rnn(vx)
        return loss_fn(out.reshape(-1, len(chars)), vy.reshape(-1)).item()


for epoch in range(1):
    h, total, count = None, 0, 0
    if epoch == 6:
        opt.param_groups[0]['lr'] = 0.001
    for i in range(0, xs.size(1) - seq_length, seq_length):
        out, h = rnn(xs[:, i:i + seq_length], h)
        h = h.detach()
        loss = loss_fn(out.reshape(-1, len(chars)), ys[:, i:i + seq_length].reshape(-1))
        opt.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(rnn.parameters(), 1.0)
        opt.step()
        total += loss.item()
        count += 1
    print('epoch %d, loss: %.3f, validation: %.3f' % (epoch, total / count, validation()))

with torch.no_grad():
    x, h, sample = encoded[:1].view(1, 1), None, ''
    for _ in range(120):
        out, h = rnn(x, h)
        x = torch.multinomial(torch.softmax(out[0, -1] / 0.7, 0), 1).view(1, 1)
        sample += ix_to_char[x.item()]
print(repr(sample))
print('validation loss: %.4f' % validation())
