"""What makes the pool quick must change nothing: updates, batches fetched ahead, the layout of convolutions."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn
from training_cases import CLASSES, apart, problem, train, trial

from goodfit.training.batches import Feed
from goodfit.training.engines import layout, pooling, quicker
from goodfit.training.engines.ahead import Ahead
from goodfit.training.engines.update import DirectUpdate, TorchUpdate, clip_gradients, update_for
from goodfit.training.optimizers import Choice, torch_optimizer
from goodfit.training.problem import Loss
from goodfit.training.trial import Regime

torch.set_num_threads(1)
CHOICES = [
    {"optimizer": "sgd", "momentum": 0.0, "weight_decay": 0.1},
    {"optimizer": "sgd", "momentum": 0.9, "nesterov": True},
    {"optimizer": "adam", "weight_decay": 0.1},
    {"optimizer": "adamw", "weight_decay": 0.1, "beta2": 0.9},
    {"optimizer": "rmsprop", "weight_decay": 0.1},
    {"optimizer": "rmsprop", "momentum": 0.7},
]


def parameters():
    generator = torch.Generator().manual_seed(1)
    return [nn.Parameter(torch.randn(shape, generator=generator)) for shape in ((3, 4), (4,), (2, 2, 3))]


@pytest.mark.parametrize("values", CHOICES, ids=lambda values: "-".join(str(v) for v in values.values()))
def test_updates_are_those_of_torch_optim_also_when_gradients_come_and_go(values):
    choice = Choice.read({"lr": 0.05, **values})
    ours, theirs = parameters(), parameters()
    update, optimizer = update_for(choice, ours), torch_optimizer(choice, theirs)
    assert isinstance(update, DirectUpdate)
    for group in optimizer.param_groups:  # its plain form: its fused SGD fails where a first gradient comes late
        group.update(fused=False, foreach=False)
    generator = torch.Generator().manual_seed(2)
    for step in range(9):
        for place, (one, other) in enumerate(zip(ours, theirs, strict=True)):
            gradient = torch.randn(one.shape, generator=generator)
            is_missing = (place == 1 and step < 3) or (place == 2 and step in (4, 5))
            one.grad, other.grad = (None, None) if is_missing else (gradient.clone(), gradient.clone())
        update.step(0.05)
        optimizer.step()
        for one, other in zip(ours, theirs, strict=True):
            torch.testing.assert_close(one, other, rtol=1e-6, atol=1e-7)
    for one, other in zip(ours, theirs, strict=True):
        if values["optimizer"] != "sgd":
            assert float(update.state[one]["step"]) == float(optimizer.state[other]["step"])
        assert set(update.state[one]) == {n for n, v in optimizer.state[other].items() if v is not None}


def test_parameters_of_two_dtypes_are_left_to_torch_optim():
    mixed = [nn.Parameter(torch.ones(2)), nn.Parameter(torch.ones(2, dtype=torch.float64))]
    assert isinstance(update_for(Choice.read({"lr": 0.1, "optimizer": "adamw"}), mixed), TorchUpdate)


@pytest.mark.parametrize("most", [0.01, 100.0])
def test_clipping_is_torchs(most):
    ours, theirs = parameters(), parameters()
    for one, other in zip(ours[:2], theirs[:2], strict=True):
        one.grad, other.grad = one.detach().clone(), other.detach().clone()
    clip_gradients(ours, most)
    nn.utils.clip_grad_norm_(theirs, most)
    for one, other in zip(ours[:2], theirs[:2], strict=True):
        torch.testing.assert_close(one.grad, other.grad, rtol=1e-6, atol=0)


def test_a_parameter_given_other_memory_by_its_model_is_still_the_one_that_learns():
    class Renormed(nn.Module):
        def __init__(self):
            super().__init__()
            self.head = nn.Linear(5, CLASSES)

        def forward(self, x):
            self.head.weight.data = torch.renorm(self.head.weight.data, 2, 0, 0.5)
            return self.head(x)

    (state,), _ = train("pool", problem(build=lambda hp: Renormed()), [trial(lr=0.5)], 6)
    assert state.parameters["head.weight"].norm(dim=1).max() > 0.5  # as the last update left it


@pytest.mark.parametrize(
    "regime", [Regime(), Regime(samples=tuple(range(3, 40))), Regime(zero_inputs=True), Regime(redraw_targets=True)]
)
def test_batches_fetched_ahead_are_the_feeds(regime):
    feed = Feed(problem(), regime, 8)
    ahead = Ahead(feed, 3)
    for step in [*range(20), 40, 41, 7]:  # a trial that is gone on with begins anywhere
        for one, other in zip(ahead.batch(step), feed.batch(3, step), strict=True):
            assert torch.equal(one, other)


def test_a_model_may_write_into_its_batch_even_what_depends_on_its_weights():
    class Shifting(nn.Module):
        def __init__(self, writes):
            super().__init__()
            self.shift, self.head, self.writes = nn.Parameter(torch.ones(5)), nn.Linear(5, CLASSES), writes

        def forward(self, x):
            if self.writes:
                x += self.shift
            else:
                x = x + self.shift
            return self.head(x)

    writes, _ = train("pool", problem(build=lambda hp: Shifting(True)), [trial()], 15)
    adds, _ = train("pool", problem(build=lambda hp: Shifting(False)), [trial()], 15)
    assert apart(writes[0].parameters, adds[0].parameters) == 0


class Viewing(nn.Module):
    """Reads its images' memory as one does who knows only plain layouts."""

    def __init__(self, width=3):
        super().__init__()
        self.first = nn.Conv2d(2, width, 3, padding=1)
        self.second = nn.Conv2d(width, width, 3, padding=1, bias=False)  # beside BatchNorm a bias learns rounding alone
        self.norm, self.head = nn.BatchNorm2d(width), nn.Linear(16 * width, CLASSES)

    def forward(self, x):
        x = F.relu(self.norm(self.second(F.relu(self.first(x)))))
        return self.head(x.view(len(x), -1))


@pytest.fixture(autouse=True)
def _steps_enough(monkeypatch):
    """Trials of a test are too short to be worth finding the quickest way."""
    monkeypatch.setattr(quicker, "LEAST_STEPS", 0)
    monkeypatch.setattr(quicker, "_answers", {})


def laid_out(model, prob):
    return quicker.quickened(model, prob, Feed(prob, Regime(), 8), 1)


def is_last(module):
    return module.weight.is_contiguous(memory_format=torch.channels_last) and not module.weight.is_contiguous()


def test_convolutions_are_laid_out_with_channels_last_and_learn_the_same(monkeypatch):
    def run(dtypes):
        monkeypatch.setattr(layout, "DTYPES", dtypes)
        prob = problem("cnn", build=lambda hp: Viewing())
        ts = [trial(optimizer="adamw", lr=1e-3, ema_decay=0.9)]
        half, _ = train("pool", prob, ts, 7)
        return train("pool", prob, ts, 15, Regime(eval_steps=(15,), eval_val=20), states=half)

    (plain,), told_plain = run(())
    (last,), told_last = run((torch.float64,))
    assert is_last(laid_out(Viewing().double(), problem("cnn")).second)
    assert apart(plain.parameters, last.parameters) < 1e-12
    assert apart(plain.optimizer["exp_avg_sq"], last.optimizer["exp_avg_sq"]) < 1e-12
    assert apart(plain.average, last.average) < 1e-12
    np.testing.assert_allclose(told_plain.series(0, "val_loss")[1], told_last.series(0, "val_loss")[1], atol=1e-12)


def relu_then_pool(**pooling):
    return nn.Sequential(
        *(nn.Conv2d(2, 3, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2, **pooling)),
        *(nn.Conv2d(3, 5, 3, padding=1, bias=False), nn.BatchNorm2d(5), nn.ReLU(inplace=True), nn.MaxPool2d(2)),
        *(nn.Flatten(), nn.Linear(5, CLASSES)),
    )


@pytest.mark.parametrize("settings", [{}, {"padding": 1}, {"stride": 1}], ids=str)
def test_a_relu_after_max_pooling_learns_what_one_before_it_learns(settings, monkeypatch):
    def run(finds):
        monkeypatch.setattr(quicker, "_answers", {})
        found = pooling.pairs
        with monkeypatch.context() as patched:
            patched.setattr(pooling, "pairs", found if finds else lambda model: [])
            prob = problem(
                "cnn",
                build=lambda hp: nn.Sequential(
                    relu_then_pool(**settings)[:-2], nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(5, CLASSES)
                ),
            )
            regime = Regime(eval_steps=(15,), eval_val=20, probe=20)
            return train("pool", prob, [trial(optimizer="adamw", lr=1e-2)], 15, regime)

    ((plain,), told_plain), ((quick,), told_quick) = run(False), run(True)
    assert [ways.pools_first for ways in quicker._answers.values()] == [True]
    for name in plain.parameters:
        assert torch.equal(plain.parameters[name], quick.parameters[name]), name
    assert told_plain.series(0, "val_loss")[1].tolist() == told_quick.series(0, "val_loss")[1].tolist()
    assert len(told_quick.probed(0)) == 1
    assert [p.dead_fraction for p in told_plain.probed(0)] == [p.dead_fraction for p in told_quick.probed(0)]


def test_a_relu_that_something_else_uses_or_watches_keeps_its_place():
    shared = nn.ReLU()
    assert len(pooling.pairs(relu_then_pool())) == 2
    assert not pooling.pairs(nn.Sequential(shared, nn.MaxPool2d(2), shared, nn.MaxPool2d(2)))
    assert not pooling.pairs(nn.Sequential(nn.ReLU(), nn.MaxPool2d(2, return_indices=True)))
    watched = nn.Sequential(nn.ReLU(), nn.MaxPool2d(2))
    watched[0].register_forward_hook(lambda *args: None)
    assert not pooling.pairs(watched)


def test_a_model_that_cannot_be_laid_out_otherwise_stays_as_it_is():
    class Strided(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.head = nn.Conv2d(2, 3, 3, padding=1), nn.Linear(48, CLASSES)

        def forward(self, x):
            x = self.conv(x)
            return self.head(torch.as_strided(x, (len(x), 48), (48, 1)))  # memory, whatever it means

    prob = problem("cnn", torch.float32, build=lambda hp: Strided())
    assert not is_last(laid_out(Strided(), prob).conv)


@pytest.mark.parametrize(
    ("layer", "gains"),
    [(nn.Conv2d(2, 3, 3), True), (nn.Conv2d(2, 3, 1), False), (nn.Conv2d(2, 3, 4, 4), False), (nn.Linear(2, 3), False)],
)
def test_only_overlapping_windows_are_worth_another_layout(layer, gains):
    assert layout.gains(nn.Sequential(nn.Identity(), layer)) is gains


class Sequence(nn.Module):
    def __init__(self, **settings):
        super().__init__()
        self.gru = nn.GRU(3, 6, **settings)
        self.head, self.first = nn.Linear(6, CLASSES), settings.get("batch_first", False)
        self.start = nn.Parameter(torch.zeros(settings.get("num_layers", 1), 1, 6))

    def forward(self, x):
        x = x if self.first else x.transpose(0, 1)
        out, last = self.gru(x, self.start.expand(-1, x.shape[0 if self.first else 1], -1).contiguous())
        return self.head(out.mean(1 if self.first else 0) + last.sum(0))


@pytest.mark.parametrize("settings", [{}, {"batch_first": True}, {"num_layers": 2, "batch_first": True}], ids=str)
def test_the_pools_own_gru_learns_what_pytorchs_learns(settings, monkeypatch):
    prob, t = problem("gru", build=lambda hp: Sequence(**settings)), [trial(optimizer="adamw", lr=0.01)]
    own = laid_out(Sequence(**settings).double(), prob)
    assert own.gru.forward.__func__ is not nn.GRU.forward
    (ours,), told = train("pool", prob, t, 15)
    monkeypatch.setattr(quicker, "LEAST_STEPS", 10**9)
    monkeypatch.setattr(quicker, "_answers", {})
    (theirs,), told_theirs = train("pool", prob, t, 15)
    assert apart(ours.parameters, theirs.parameters) < 1e-12
    np.testing.assert_allclose(told.series(0, "step_loss")[1], told_theirs.series(0, "step_loss")[1], atol=1e-12)


def test_a_model_that_differentiates_its_gru_twice_keeps_pytorchs():
    class Penalised(Sequence):
        def forward(self, x):
            x = x.detach().requires_grad_()
            out = super().forward(x)
            (gradient,) = torch.autograd.grad(out.sum(), x, create_graph=True)
            return out + gradient.square().mean()

    prob = problem("gru", build=lambda hp: Penalised())
    assert "forward" not in vars(laid_out(Penalised().double(), prob).gru)
    (state,), _ = train("pool", prob, [trial()], 4)
    assert state.step == 4


@pytest.mark.parametrize("kind", ["indices", "ignored", "probabilities", "plain"])
def test_cross_entropy_of_sequences_is_pytorchs_however_the_classes_lie(kind):
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(3, 5, 4, generator=generator, dtype=torch.float64)
    prediction = logits.mT.contiguous() if kind == "plain" else logits.mT
    target = torch.randint(0, 4, (3, 5), generator=generator)
    if kind == "ignored":
        target[0, 1:4] = -100
    if kind == "probabilities":
        target = torch.softmax(logits.mT + 1, 1)
    seen = quicker.quick_loss(Loss(F.cross_entropy)).function(prediction, target)
    torch.testing.assert_close(seen, F.cross_entropy(prediction, target), rtol=1e-14, atol=0)
