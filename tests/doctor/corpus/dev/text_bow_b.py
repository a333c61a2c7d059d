"""Tell three standard library modules apart from single lines of their source."""
import random
import re

import argparse as mod_a
import decimal  # noqa
import _pydecimal as mod_b
import tarfile as mod_c
import torch
from torch import nn

random.seed(0)
torch.manual_seed(0)
samples = []
for label, module in enumerate((mod_a, mod_b, mod_c)):
    with open(module.__file__, encoding="utf-8") as handle:
        lines = [re.findall(r"[a-z_]{2,}", l.lower()) for l in handle]
    lines = [l for l in lines if len(l) >= 4]
    random.shuffle(lines)
    samples += [(l, label) for l in lines[:500]]
random.shuffle(samples)
vocab = {}
for words, _ in samples[:1200]:
    for w in words:
        vocab.setdefault(w, len(vocab) + 1)


def collate(batch):
    tokens, offsets, labels = [], [], []
    for words, label in batch:
        offsets.append(len(tokens))
        tokens += [vocab.get(w, 0) for w in words]
        labels.append(label)
    return torch.tensor(tokens), torch.tensor(offsets), torch.tensor(labels)


class Lines(nn.Module):
    def __init__(self):
        super().__init__()
        self.bag = nn.EmbeddingBag(len(vocab) + 1, 32)
        self.drop = nn.Dropout(0.3)
        self.fc = nn.Linear(32, 3)

    def forward(self, tokens, offsets):
        return self.fc(self.drop(self.bag(tokens, offsets)))


train = torch.utils.data.DataLoader(samples[:1200], 40, shuffle=True, collate_fn=collate)
tokens, offsets, labels = collate(samples[1200:])
model = Lines()
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
model.train()
for epoch in range(7):
    for tk, off, lb in train:
        loss = nn.functional.cross_entropy(model(tk, off), lb)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    model.eval()
    with torch.no_grad():
        acc = (model(tokens, offsets).argmax(1) == labels).float().mean().item()
    print(f"epoch {epoch} accuracy {acc:.4f}")
