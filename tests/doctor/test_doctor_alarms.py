"""Healthy loops that look faulty by their figures: each would be an alarm if a rule asked for less proof."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from loops import blobs, fit, leading, lines, net
from torch import nn

from goodfit.diagnosis.association import Samples
from goodfit.findings import Severity

pytestmark = pytest.mark.slow


def adam(model, lr=5e-3):
    return torch.optim.Adam(model.parameters(), lr=lr)


def a_gallery_of_training_samples():
    (x, y), model = blobs(n=400), net(out=8)
    opt = adam(model)
    for _ in range(6):
        for rows in torch.randperm(300).split(30):
            e = model(x[rows])
            same = (y[rows][:, None] == y[rows][None]).float()
            apart = ((e[:, None] - e[None]).square().sum(-1) + 1e-8).sqrt()
            opt.zero_grad()
            (same * apart + (1 - same) * F.relu(2 - apart)).mean().backward()
            opt.step()
        with torch.no_grad():
            nearest = torch.cdist(model(x[300:]), model(x[:300])).argmin(1)
            assert (y[:300][nearest] == y[300:]).float().mean() > 0.3


def scores_of_both_sets():
    (x, y), model = blobs(n=400), net()
    opt = adam(model)
    for _ in range(4):
        fit(model, opt, x[:300], y[:300], epochs=1)
        with torch.no_grad():
            for part in (slice(0, 300), slice(300, 400)):
                (model(x[part]).argmax(1) == y[part]).float().mean()


def folds_with_a_network_each():
    x, y = blobs(n=300)
    for fold in range(3):
        model, test = net(), torch.arange(300) % 3 == fold
        fit(model, adam(model), x[~test], y[~test])
        with torch.no_grad():
            test_accuracy = (model(x[test]).argmax(1) == y[test]).float().mean()
        assert test_accuracy > 0.3


def an_episode_of_many_passes():
    model = nn.Sequential(nn.Linear(4, 16), nn.Dropout(0.3), nn.ReLU(), nn.Linear(16, 2))
    opt = adam(model)
    for _ in range(10):
        chances = [model(torch.randn(1, 4)).log_softmax(1)[0, 0] for _ in range(100)]
        opt.zero_grad()
        (-torch.stack(chances) * torch.randn(100)).sum().backward()
        opt.step()


def a_loss_summed_over_everything():
    x = torch.rand(256, 100)
    model = nn.Sequential(nn.Linear(100, 16), nn.ReLU(), nn.Linear(16, 100), nn.Sigmoid())
    fit(model, adam(model, 1e-3), x, x, loss=lambda p, t: 50 * F.binary_cross_entropy(p, t, reduction="sum"))


def returns_that_grow():
    model, steps = net(out=1), 60
    opt = adam(model, 1e-3)
    for step in range(steps):
        x = torch.randn(32, 6)
        opt.zero_grad()
        ((1 + step) * (model(x) - (1 + step / 10)).abs()).mean().backward()
        opt.step()


def a_few_samples_far_away():
    (x, y), model = lines(features=1), net(features=1, out=1)
    opt = adam(model)
    for _ in range(6):
        fit(model, opt, x[:200], y[:200], loss=F.mse_loss, epochs=2)
        with torch.no_grad():
            validation = F.mse_loss(model(x[200:]), y[200:])
            model(torch.tensor([[4.0], [9.0]]))
        assert math.isfinite(validation)


def a_later_part_that_lies_higher():
    t = torch.arange(600.0)
    series = t / 100 + torch.sin(t / 3) + 0.05 * torch.randn(600)
    windows = series.unfold(0, 13, 1)
    x, y = windows[:, :12] - 2, windows[:, 12:] - windows[:, 11:12]
    model = net(features=12, out=1)
    opt = adam(model)
    for _ in range(6):
        fit(model, opt, x[:400], y[:400], loss=F.mse_loss, epochs=2)
        with torch.no_grad():
            F.mse_loss(model(x[400:]), y[400:])


def sequences_in_eight_rows():
    tokens = torch.randint(0, 9, (8, 400))
    embedding, read = nn.Embedding(9, 16), nn.Linear(16, 9)
    model = nn.Sequential(embedding, read)
    opt = adam(model, 1e-2)
    for step in range(30):
        x = tokens[:, 10 * step : 10 * step + 11]
        opt.zero_grad()
        F.cross_entropy(model(x[:, :-1]).flatten(0, 1), x[:, :-1].flatten()).backward()
        opt.step()
        if step % 10 == 9:
            with torch.no_grad():
                F.cross_entropy(model(tokens[:, 310:-1]).transpose(1, 2), tokens[:, 310:-1])


def a_function_of_each_samples_loss():
    (x, y), model = blobs(classes=2), net(out=1)

    def focal(p, t):
        each = F.binary_cross_entropy_with_logits(p.squeeze(1), t.float(), reduction="none")
        return ((1 - torch.exp(-each)) ** 2 * each).mean()

    fit(model, adam(model), x, y, loss=focal)


def a_predictor_of_its_own_targets():
    encoder = nn.Sequential(nn.Linear(6, 32), nn.ReLU(), nn.Linear(32, 32))
    predictor = nn.Sequential(nn.Linear(32, 16), nn.ReLU(), nn.Linear(16, 32))
    opt = adam(nn.ModuleList([encoder, predictor]))
    x, _ = blobs()
    for rows in torch.randperm(256).repeat(4).split(32):
        a, b = (encoder(x[rows] + 0.1 * torch.randn(32, 6)) for _ in range(2))
        opt.zero_grad()
        (-F.cosine_similarity(predictor(a), b.detach()).mean()).backward()
        opt.step()


def sparse_gradients():
    words = nn.Embedding(50, 8, sparse=True)
    opt = torch.optim.SparseAdam(words.parameters(), lr=1e-2)
    for _ in range(20):
        a, b = torch.randint(0, 25, (2, 64))
        opt.zero_grad()
        F.mse_loss((words(a) * words(b + 25)).sum(1), (a == b).float()).backward()
        opt.step()


def much_dropout_that_does_no_harm():
    (x, y), model = blobs(n=400), nn.Sequential(nn.Linear(6, 128), nn.ReLU(), nn.Dropout(0.75), nn.Linear(128, 3))
    opt = adam(model)
    for _ in range(5):
        model.train()
        fit(model, opt, x[:300], y[:300], epochs=3)
        model.eval()
        with torch.no_grad():
            (model(x[300:]).argmax(1) == y[300:]).float().mean()


@pytest.mark.parametrize(
    "work",
    [
        a_gallery_of_training_samples,
        scores_of_both_sets,
        folds_with_a_network_each,
        an_episode_of_many_passes,
        a_loss_summed_over_everything,
        returns_that_grow,
        a_few_samples_far_away,
        a_later_part_that_lies_higher,
        sequences_in_eight_rows,
        a_function_of_each_samples_loss,
        a_predictor_of_its_own_targets,
        sparse_gradients,
        much_dropout_that_does_no_harm,
    ],
    ids=lambda work: work.__name__,
)
def test_a_healthy_loop_with_odd_figures_gets_nothing_above_info(work):
    _, findings = leading(work)
    assert [f.kind for f in findings if f.severity != Severity.INFO] == []


def too_much_dropout():
    (x, y), width = blobs(n=400, classes=9), 32
    model = nn.Sequential(nn.Linear(6, width), nn.ReLU(), nn.Dropout(0.97), nn.Linear(width, 9))
    opt = adam(model)
    for _ in range(5):
        model.train()
        fit(model, opt, x[:300], y[:300], epochs=2)
        model.eval()
        with torch.no_grad():
            (model(x[300:]).argmax(1) == y[300:]).float().mean()


def too_much_decay():
    (x, y), model = blobs(), net()
    fit(model, torch.optim.AdamW(model.parameters(), lr=5e-3, weight_decay=100.0), x, y, epochs=10)


def validation_in_other_units():
    (x, y), model = blobs(n=400), net()
    opt = adam(model)
    for _ in range(6):
        fit(model, opt, x[:300], y[:300], epochs=1)
        with torch.no_grad():
            (model(30 * x[300:] + 40).argmax(1) == y[300:]).float().mean()


def a_split_that_overlaps():
    (x, y), model = blobs(n=400), net()
    opt = adam(model)
    for _ in range(6):
        fit(model, opt, x[:300], y[:300], epochs=1)
        with torch.no_grad():
            (model(x[250:]).argmax(1) == y[250:]).float().mean()


@pytest.mark.parametrize(
    ("kind", "work"),
    [
        ("excess-regularisation", too_much_dropout),
        ("excess-regularisation", too_much_decay),
        ("train-eval-preprocessing-mismatch", validation_in_other_units),
        ("data-leakage", a_split_that_overlaps),
    ],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_what_is_proved_leads(kind, work):
    first, findings = leading(work)
    assert first == kind, findings
    assert findings[0].severity != Severity.INFO


def test_an_association_is_that_of_the_labels_moved_by_so_many_places():
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(300, 5, generator=generator)
    labels = (x[:, 0] > 0).long()
    samples = Samples(x)
    as_paired, moved = samples.association(labels), samples.association(labels.roll(-2))
    back = samples.association(labels.roll(-2), by=2)
    assert as_paired is not None
    assert moved is not None
    assert as_paired.score > 0.85
    assert moved.z < 4 < as_paired.z
    assert back == as_paired
