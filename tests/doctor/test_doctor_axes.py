"""Batch axes taken for time, and inputs paired with other samples' targets, lead; what looks like them stays silent."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from loops import blobs, fit, leading, net
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

pytestmark = pytest.mark.slow


def adam(model, lr=5e-3):
    return torch.optim.Adam(model.parameters(), lr=lr)


def waves(n=320, length=10):
    """Sequences, [n, length, 2], whose class is their frequency."""
    generator = torch.Generator().manual_seed(0)
    y = torch.randint(0, 3, (n,), generator=generator)
    t = torch.arange(length) + 6 * torch.rand(n, 1, generator=generator)
    clean = torch.sin(t * (0.5 + 0.6 * y[:, None]))
    return torch.stack([clean, t / 16], dim=2) + 0.1 * torch.randn(n, length, 2, generator=generator), y


class Recurrent(nn.Module):
    """Takes [length, n, 2]."""

    def __init__(self):
        super().__init__()
        self.rnn, self.head = nn.GRU(2, 16), nn.Linear(16, 3)

    def forward(self, x):
        return self.head(self.rnn(x)[1][0])


def by_batches(change):
    model, (x, y) = Recurrent(), waves()
    opt = adam(model, 1e-2)
    for _ in range(5):
        for rows in torch.randperm(len(x)).split(32):
            opt.zero_grad()
            F.cross_entropy(model(change(x[rows])), y[rows]).backward()
            opt.step()


def torn_by_a_reshape():
    by_batches(lambda x: x.reshape(10, -1, 2))


def turned_by_permute():
    by_batches(lambda x: x.permute(1, 0, 2))


class States(nn.Module):
    """The last states of both directions, side by side: [2, n, 8] must be turned before it is cut anew."""

    def __init__(self, *, turn):
        super().__init__()
        self.rnn, self.head, self.turn = nn.GRU(2, 8, batch_first=True, bidirectional=True), nn.Linear(16, 3), turn

    def forward(self, x):
        states = self.rnn(x)[1]
        states = states.transpose(0, 1) if self.turn else states
        return self.head(states.reshape(len(x), -1))


def states_torn_within():
    model = States(turn=False)
    fit(model, adam(model, 1e-2), *waves())


def states_turned_within():
    model = States(turn=True)
    fit(model, adam(model, 1e-2), *waves(), epochs=6)


class High(nn.Module):
    """Says at each place of a word, [n, 8], whether its letters are high ones in the mean."""

    def __init__(self, *, batch_first):
        super().__init__()
        self.letters = nn.Embedding(8, 16)
        self.mix = nn.MultiheadAttention(16, 2, batch_first=batch_first)
        self.head = nn.Sequential(nn.Linear(16, 32), nn.ReLU(), nn.Linear(32, 2))

    def forward(self, w):
        h = self.letters(w)
        return self.head(h + self.mix(h, h, h, need_weights=False)[0])


def high_words(*, batch_first):
    model = High(batch_first=batch_first)
    opt = adam(model, 1e-2)
    generator = torch.Generator().manual_seed(0)
    for _ in range(250):
        w = torch.randint(0, 8, (24, 8), generator=generator)
        opt.zero_grad()
        high = (w.double().mean(1, keepdim=True) > 3.5).long().expand(-1, 8)
        F.cross_entropy(model(w).reshape(-1, 2), high.reshape(-1)).backward()
        opt.step()


def attention_over_samples():
    high_words(batch_first=False)


def attention_over_places():
    high_words(batch_first=True)


def patches_of_as_many_as_the_batch():
    """[16, 4, 16] as rows of 16 numbers: 16 is the batch and the width, and one answer is given for each row."""
    generator = torch.Generator().manual_seed(0)
    centres = 2 * torch.randn(3, 16, generator=generator)
    y = torch.randint(0, 3, (256, 4), generator=generator)
    x = centres[y] + torch.randn(256, 4, 16, generator=generator)
    model = net(16)
    opt = adam(model)
    for _ in range(4):
        for rows in torch.randperm(256).split(16):
            opt.zero_grad()
            F.cross_entropy(model(x[rows].reshape(-1, 16)), y[rows].reshape(-1)).backward()
            opt.step()


def planes(n=600):
    """Inputs [n, 4] and five smooth functions of them, [n, 5]."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(n, 4, generator=generator)
    return x, torch.tanh(x @ torch.randn(4, 5, generator=generator) / 2)


def trained_by_loader(x, y, held_x, held_y, epochs=5):
    model = net(4, 5)
    opt = adam(model, 1e-2)
    for _ in range(epochs):
        for inputs, goals in DataLoader(TensorDataset(x, y), batch_size=32, shuffle=True):
            opt.zero_grad()
            F.mse_loss(model(inputs), goals).backward()
            opt.step()
        model.eval()
        with torch.no_grad():
            F.mse_loss(model(held_x), held_y).item()
        model.train()


def several_targets_shuffled():
    x, y = planes()
    trained_by_loader(x[:400][torch.randperm(400)], y[:400], x[400:], y[400:])


def several_targets():
    x, y = planes()
    trained_by_loader(x[:400], y[:400], x[400:], y[400:])


def several_targets_of_noise_for_the_most():
    x, y = planes()
    y = 0.3 * y + torch.randn(y.shape)
    trained_by_loader(x[:400], y[:400], x[400:], y[400:])


def targets_from_the_end():
    x, y = planes()
    trained_by_loader(x[:400], y[:400].flip(0), x[400:], y[400:].flip(0))


def a_smooth_series():
    """Windows of a wave: read from its end, it looks nearly the same."""
    wave = torch.sin(torch.arange(700) / 9) + 0.05 * torch.randn(700)
    windows = wave.unfold(0, 9, 1)
    x, y = windows[:, :4].contiguous(), windows[:, 4:].contiguous()
    trained_by_loader(x[:450], y[:450], x[460:], y[460:])


@pytest.mark.parametrize(
    ("work", "kind"),
    [
        (torn_by_a_reshape, "batch-dimension-mixup"),
        (states_torn_within, "batch-dimension-mixup"),
        (attention_over_samples, "batch-dimension-mixup"),
        (several_targets_shuffled, "labels-misaligned"),
        (targets_from_the_end, "labels-misaligned"),
    ],
)
def test_the_mistake_leads(work, kind):
    assert leading(work)[0] == kind


@pytest.mark.parametrize(
    "work",
    [
        turned_by_permute,
        states_turned_within,
        attention_over_places,
        patches_of_as_many_as_the_batch,
        several_targets,
        several_targets_of_noise_for_the_most,
        a_smooth_series,
        lambda: fit(model := net(), adam(model), *blobs()),
    ],
)
def test_what_looks_like_it_stays_silent(work):
    told = [f for f in leading(work)[1] if f.severity != "info"]
    assert told == []
