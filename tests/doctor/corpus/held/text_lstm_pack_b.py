import random

import torch
import torch.nn as nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_sequence

random.seed(5)
torch.manual_seed(5)
PAD, VOCAB = 0, 12


def sample():
    """Label 1 if token 3 comes before token 4."""
    n = random.randint(5, 10)
    seq = [random.randint(5, VOCAB - 1) for _ in range(n)]
    a, b = random.sample(range(n), 2)
    seq[a], seq[b] = 3, 4
    return torch.tensor(seq), int(a < b)


def batch(n):
    seqs, labels = zip(*(sample() for _ in range(n)))
    return pad_sequence(seqs, batch_first=True, padding_value=PAD), torch.tensor([len(s) for s in seqs]), torch.tensor(labels)


class Order(nn.Module):
    def __init__(self):
        super().__init__()
        self.emb = nn.Embedding(VOCAB, 16, padding_idx=PAD)
        self.lstm = nn.LSTM(16, 32, batch_first=True)
        self.fc = nn.Linear(32, 2)

    def forward(self, x, lengths):
        packed = pack_padded_sequence(self.emb(x), lengths, batch_first=True, enforce_sorted=False)
        _, (h, _) = self.lstm(packed)
        return nn.functional.softmax(self.fc(h[-1]), dim=1)


net = Order()
optim = torch.optim.Adam(net.parameters(), lr=1e-2)
for it in range(150):
    x, lengths, labels = batch(50)
    loss = nn.functional.cross_entropy(net(x, lengths), labels)
    optim.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(net.parameters(), 1.0)
    optim.step()
    if it % 30 == 0:
        print(it, loss.item())
net.eval()
with torch.no_grad():
    x, lengths, labels = batch(400)
    print("accuracy", (net(x, lengths).argmax(1) == labels).float().mean().item())
