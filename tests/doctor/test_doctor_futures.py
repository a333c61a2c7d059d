"""Networks that see what they are to say next lead; those that do not, and those that may, stay silent."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from loops import leading
from torch import nn

pytestmark = pytest.mark.slow

LETTERS, PLACES = 12, 10


def words(n=24):
    """Words in which each letter is the one before plus 1 or 2."""
    steps = torch.randint(1, 3, (n, PLACES + 1))
    return (torch.randint(0, LETTERS, (n, 1)) + steps.cumsum(1)) % LETTERS


def trained(model, lr=1e-2, *, transposed=False):
    opt = torch.optim.Adam(model.parameters(), lr=lr)
    for _ in range(80):
        w = words()
        x, y = w[:, :-1], w[:, 1:]
        if transposed:
            x, y = x.t().contiguous(), y.t().contiguous()
        opt.zero_grad()
        F.cross_entropy(model(x).reshape(-1, LETTERS), y.reshape(-1)).backward()
        opt.step()


class Reader(nn.Module):
    def __init__(self, *, both_ways, batch_first=True):
        super().__init__()
        self.letters = nn.Embedding(LETTERS, 12)
        self.rnn = nn.GRU(12, 16, batch_first=batch_first, bidirectional=both_ways)
        self.head = nn.Linear(16 * (1 + both_ways), LETTERS)

    def forward(self, x):
        return self.head(self.rnn(self.letters(x))[0])


class Convolved(nn.Module):
    def __init__(self, *, left, right):
        super().__init__()
        self.letters, self.conv = nn.Embedding(LETTERS, 12), nn.Conv1d(12, 16, 3)
        self.pad, self.head = (left, right), nn.Linear(16, LETTERS)

    def forward(self, x):
        h = self.conv(F.pad(self.letters(x).transpose(1, 2), self.pad))
        return self.head(torch.relu(h).transpose(1, 2))


class Attending(nn.Module):
    """Computes its own loss, as many language models do."""

    def __init__(self, *, masked):
        super().__init__()
        self.letters, self.places = nn.Embedding(LETTERS, 16), nn.Parameter(torch.randn(PLACES, 16))
        self.mix, self.masked = nn.MultiheadAttention(16, 2, batch_first=True), masked
        self.head = nn.Sequential(nn.Linear(16, 24), nn.ReLU(), nn.Linear(24, LETTERS))

    def forward(self, x, y):
        h = self.letters(x) + self.places
        mask = nn.Transformer.generate_square_subsequent_mask(PLACES) if self.masked else None
        out = self.head(h + self.mix(h, h, h, attn_mask=mask, need_weights=False)[0])
        return F.cross_entropy(out.flatten(0, 1), y.flatten()), out


def with_its_own_loss(*, masked):
    model = Attending(masked=masked)
    opt = torch.optim.Adam(model.parameters(), lr=1e-2)
    for _ in range(80):
        w = words()
        loss, _ = model(w[:, :-1], w[:, 1:])
        opt.zero_grad()
        loss.backward()
        opt.step()


class Copying(nn.Module):
    """Reads a whole word, then says it letter by letter: its source holds the answers by right."""

    def __init__(self):
        super().__init__()
        self.letters, self.head = nn.Embedding(LETTERS, 12), nn.Linear(32, LETTERS)
        self.reads, self.says = nn.GRU(12, 32, batch_first=True), nn.GRU(12, 32, batch_first=True)

    def forward(self, source, said):
        return self.head(self.says(self.letters(said), self.reads(self.letters(source))[1])[0])


def a_copier():
    model = Copying()
    opt = torch.optim.Adam(model.parameters(), lr=1e-2)
    for _ in range(80):
        w = words()
        opt.zero_grad()
        F.cross_entropy(model(w[:, :-1], w[:, :-1].clone()).flatten(0, 1), w[:, 1:].flatten()).backward()
        opt.step()


def a_tagger_both_ways():
    """Says of each letter what it is itself: there is nothing ahead to be seen."""
    model = Reader(both_ways=True)
    opt = torch.optim.Adam(model.parameters(), lr=1e-2)
    for _ in range(80):
        x = words()[:, :-1]
        opt.zero_grad()
        F.cross_entropy(model(x).reshape(-1, LETTERS), x.reshape(-1)).backward()
        opt.step()


@pytest.mark.parametrize(
    "work",
    [
        lambda: trained(Reader(both_ways=True)),
        lambda: trained(Reader(both_ways=True, batch_first=False), transposed=True),
        lambda: trained(Convolved(left=1, right=1)),
        lambda: with_its_own_loss(masked=False),
    ],
)
def test_what_sees_ahead_leads(work):
    assert leading(work)[0] == "data-leakage"


@pytest.mark.parametrize(
    "work",
    [
        lambda: trained(Reader(both_ways=False)),
        lambda: trained(Reader(both_ways=False, batch_first=False), transposed=True),
        lambda: trained(Convolved(left=2, right=0)),
        lambda: with_its_own_loss(masked=True),
        a_copier,
        a_tagger_both_ways,
    ],
)
def test_what_does_not_or_may_stays_silent(work):
    told = [f for f in leading(work)[1] if f.severity != "info"]
    assert told == []
