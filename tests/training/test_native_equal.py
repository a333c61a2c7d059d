"""The native engine against plain PyTorch written by hand, in float64: every layer, loss, optimiser and regulariser."""

import dataclasses

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from test_training_equal import OPTIMIZERS, STEPS, TOLERANCE, assert_equal_to_hand
from torch import nn
from training_cases import CLASSES, Quiet, Told, apart, by_hand, problem, train, trial

from goodfit.training.engines.native import Native, library
from goodfit.training.problem import Loss
from goodfit.training.schedules import SHAPES, multipliers
from goodfit.training.splits import ResidentSplit
from goodfit.training.trial import Regime

pytestmark = pytest.mark.usefixtures("native")


def momentum(parameters):
    return torch.optim.SGD(parameters, 0.02, momentum=0.9)


class Functional(nn.Module):
    """A chain in a forward function."""

    def __init__(self):
        super().__init__()
        self.first, self.second, self.head = nn.Linear(5, 20), nn.Linear(20, 6), nn.Linear(6, CLASSES)
        self.body = nn.Sequential(nn.LayerNorm(6), nn.Dropout(0.2))

    def forward(self, x):
        x = F.leaky_relu(self.first(x.view(x.size(0), -1)), 0.3)
        x = torch.tanh(F.gelu(self.second(x), approximate="tanh"))
        return self.head(self.body(x).relu())


def sandwich(*layers, width=18):
    return nn.Sequential(nn.Linear(5, width), *layers, nn.Linear(width, CLASSES))


LAYERS = {
    "linear alone": lambda: nn.Linear(5, CLASSES),
    "no bias": lambda: nn.Sequential(nn.Linear(5, 33, bias=False), nn.ReLU(), nn.Linear(33, CLASSES, bias=False)),
    "wide": lambda: nn.Sequential(nn.Linear(5, 70), nn.ReLU(), nn.Linear(70, 37), nn.ReLU(), nn.Linear(37, CLASSES)),
    "relu": lambda: sandwich(nn.ReLU()),
    "relu after relu": lambda: sandwich(nn.ReLU(), nn.ReLU(), nn.Identity()),
    "relu at the end": lambda: nn.Sequential(nn.Linear(5, CLASSES), nn.ReLU()),
    "relu at the beginning": lambda: nn.Sequential(nn.ReLU(), nn.Linear(5, CLASSES)),
    "leaky relu": lambda: sandwich(nn.LeakyReLU(0.2)),
    "tanh": lambda: sandwich(nn.Tanh()),
    "sigmoid": lambda: sandwich(nn.Sigmoid()),
    "gelu": lambda: sandwich(nn.GELU()),
    "gelu by tanh": lambda: sandwich(nn.GELU("tanh")),
    "silu": lambda: sandwich(nn.SiLU()),
    "elu": lambda: sandwich(nn.ELU(0.7)),
    "softplus": lambda: sandwich(nn.Softplus(2.0, 1.0)),
    "dropout": lambda: sandwich(nn.ReLU(), nn.Dropout(0.4)),
    "dropout at the end": lambda: nn.Sequential(nn.Linear(5, CLASSES), nn.ReLU(), nn.Dropout(0.4)),
    "dropout, then a norm": lambda: sandwich(nn.ReLU(), nn.Dropout(0.4), nn.LayerNorm(18)),
    "wide with dropout": lambda: nn.Sequential(
        *(nn.Linear(5, 70), nn.ReLU(), nn.Dropout(0.4), nn.Linear(70, 150), nn.ReLU(), nn.Dropout(0.4)),
        nn.Linear(150, CLASSES),
    ),
    "dropout before relu": lambda: sandwich(nn.Dropout(0.4), nn.ReLU()),
    "dropout of inputs": lambda: nn.Sequential(nn.Dropout(0.3), nn.Linear(5, 8), nn.Tanh(), nn.Dropout(1.0)),
    "one dropout twice": lambda: nn.Sequential(
        nn.Linear(5, 9), drop := nn.Dropout(0.4), nn.Tanh(), drop, nn.Linear(9, CLASSES)
    ),
    "layer norm": lambda: sandwich(nn.LayerNorm(18), nn.ReLU()),
    "layer norm of inputs": lambda: nn.Sequential(
        nn.LayerNorm(5, elementwise_affine=False),
        *(nn.Linear(5, 8), nn.LayerNorm(8, 1e-3, bias=False), nn.Linear(8, CLASSES)),
    ),
    "batch norm": lambda: nn.Sequential(
        nn.Linear(5, 18, bias=False), nn.BatchNorm1d(18, momentum=0.3), nn.ReLU(), nn.Linear(18, CLASSES)
    ),
    "batch norm of inputs": lambda: nn.Sequential(nn.BatchNorm1d(5, affine=False), nn.Linear(5, CLASSES)),
    "nested": lambda: nn.Sequential(
        nn.Sequential(nn.Flatten(), nn.Linear(5, 8)), nn.Sequential(nn.Sequential(nn.Tanh())), nn.Linear(8, CLASSES)
    ),
    "a forward function": Functional,
}  # fmt: skip


@pytest.mark.parametrize("layer", LAYERS)
def test_each_layer_learns_what_plain_pytorch_learns(layer):
    prob, t = problem(build=lambda hp: LAYERS[layer]()), trial(ema_decay=0.9)
    (state,), told = train("native", prob, [t], STEPS)
    assert_equal_to_hand(state, told, 0, by_hand(prob, t, STEPS, momentum, decay=0.9))


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("clip", [None, 0.4])
def test_each_optimizer_takes_the_steps_of_torch_optim(optimizer, clip):
    hyperparameters, make = OPTIMIZERS[optimizer]
    prob, t = problem(), trial(dropout=0.3, grad_clip=clip, **hyperparameters)
    (state,), told = train("native", prob, [t], STEPS)
    assert_equal_to_hand(state, told, 0, by_hand(prob, t, STEPS, make, clip=clip))


@pytest.mark.parametrize("kind", SHAPES)
def test_each_schedule_is_followed_with_smoothing_clipping_and_average(kind):
    prob = problem()
    t = trial(
        schedule_steps=STEPS, dropout=0.2, schedule=kind, warmup=0.2, grad_clip=0.5, label_smoothing=0.1, ema_decay=0.95
    )
    (state,), told = train("native", prob, [t], STEPS)
    table = multipliers(kind, STEPS, 0.2)
    assert_equal_to_hand(state, told, 0, by_hand(prob, t, STEPS, momentum, 0.5, 0.1, table, 0.95))


WEIGHT = torch.tensor([1.0, 2.0, 0.5, 3.0], dtype=torch.float64)
LOSSES = {
    "cross entropy": (F.cross_entropy, "classes"),
    "its module": (nn.CrossEntropyLoss(label_smoothing=0.2), "classes"),
    "weighted": (nn.CrossEntropyLoss(weight=WEIGHT, ignore_index=2, label_smoothing=0.3), "classes"),
    "squared": (F.mse_loss, "numbers"),
    "absolute": (nn.L1Loss(), "numbers"),
    "smooth": (nn.SmoothL1Loss(beta=0.3), "numbers"),
    "smooth without a bend": (nn.SmoothL1Loss(beta=0.0), "numbers"),
    "huber": (nn.HuberLoss(delta=0.4), "numbers"),
    "binary": (F.binary_cross_entropy_with_logits, "bits"),
    "binary of one output": (nn.BCEWithLogitsLoss(), "one bit"),
}


class OneOutput(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(5, 8), nn.Tanh(), nn.Linear(8, 1))

    def forward(self, x):
        return self.body(x).squeeze(-1)


def problem_with(function, targets):
    prob = problem(loss=Loss(function), build=(lambda hp: OneOutput()) if targets == "one bit" else None)
    inputs, classes = prob.train.samples
    noise = torch.randn(len(inputs), CLASSES, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    shown = {"classes": classes, "numbers": noise, "bits": (noise > 0).double(), "one bit": (noise[:, 0] > 0).double()}
    split = ResidentSplit((inputs, shown[targets]))
    return dataclasses.replace(prob, train=split, val=split, metrics={})


@pytest.mark.parametrize("loss", LOSSES)
def test_each_loss_has_plain_pytorchs_values_and_gradients(loss):
    function, targets = LOSSES[loss]
    prob, t = problem_with(function, targets), trial()
    (state,), told = train("native", prob, [t], STEPS)
    assert_equal_to_hand(state, told, 0, by_hand(prob, t, STEPS, momentum, function=function))


def test_smoothing_from_the_space_replaces_the_losses_own():
    prob = problem_with(nn.CrossEntropyLoss(weight=WEIGHT, label_smoothing=0.2), "classes")
    t = trial(label_smoothing=0.05)
    told = train("native", prob, [t], STEPS)[1]
    plain = train("pool", prob, [t], STEPS)[1]
    np.testing.assert_allclose(told.series(0, "step_loss")[1], plain.series(0, "step_loss")[1], rtol=0, atol=TOLERANCE)


@pytest.mark.parametrize("instructions", ["avx512", "avx2", "plain"])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_every_instruction_set_computes_the_same(instructions, dtype):
    if library.kernel(instructions) is None:
        pytest.skip(f"this processor does not run {instructions} code, or the library has none")
    engine = Native(instructions)
    tolerance = TOLERANCE if dtype == torch.float64 else 2e-6  # a few steps' rounding of numbers of order 1
    norms, smooth = ("batch norm", "a forward function"), ("elu", "sigmoid", "gelu", "silu", "softplus")
    for layer in ("wide", "wide with dropout", *norms, *smooth):
        prob = problem(build=lambda hp, layer=layer: LAYERS[layer](), dtype=dtype)
        for optimizer in ("adamw", "nesterov", "rmsprop-momentum"):
            # Of 15 samples the way back through a layer of 64 units or more is another one than of few.
            values = {**OPTIMIZERS[optimizer][0], "ema_decay": 0.9, "batch_size": 15}
            t = trial(grad_clip=0.5 if optimizer == "nesterov" else None, **values)
            (expected,), plain = train("pool", prob, [t], 5)
            told = Told()
            (state,) = engine.advance(prob, [t], [None], Regime(), 5, told, Quiet())
            losses, others = told.series(0, "step_loss")[1], plain.series(0, "step_loss")[1]
            np.testing.assert_allclose(losses, others, rtol=0, atol=tolerance)
            assert all(value.dtype == dtype for value in state.parameters.values())
            if dtype == torch.float64:
                assert apart(state.parameters, expected.parameters) < TOLERANCE
                assert apart(state.average, expected.average) < TOLERANCE


widths = st.one_of(st.integers(1, 40), st.integers(60, 140))  # far wider than a batch, the way back is another one
activation = st.sampled_from([nn.ReLU, nn.Tanh, nn.GELU, nn.SiLU, nn.Sigmoid, nn.ELU, nn.Softplus, nn.LeakyReLU])


@st.composite
def networks(draw):
    """A builder of a random chain from 5 inputs to the classes."""
    plan, width = [], 5
    for _ in range(draw(st.integers(0, 3))):
        following = draw(widths)
        norm = draw(st.sampled_from(["", "layer", "batch"]))
        plan.append((width, following, norm, draw(activation), draw(st.sampled_from([0.0, 0.0, 0.3, 0.8]))))
        width = following

    def build(hp):
        layers = []
        for before, after, norm, kind, p in plan:
            layers.append(nn.Linear(before, after, bias=norm != "batch"))
            # Statistics of one number are zeros and infinities; a norm of width 1 is nothing to compare.
            if norm == "layer" and after > 1:
                layers.append(nn.LayerNorm(after))
            if norm == "batch":
                layers.append(nn.BatchNorm1d(after))
            layers += [kind(), nn.Dropout(p)]
        return nn.Sequential(*layers, nn.Linear(width, CLASSES))

    return build


@given(
    build=networks(),
    optimizer=st.sampled_from(sorted(OPTIMIZERS)),
    batch_size=st.integers(4, 40),  # of two samples a BatchNorm's gradient is zero up to rounding
    clip=st.sampled_from([None, 0.3]),
    smoothing=st.sampled_from([None, 0.2]),
    decay=st.sampled_from([None, 0.9]),
    seed=st.integers(0, 2**62),
)
@settings(max_examples=25, deadline=None)
def test_random_networks_train_as_in_the_pool(build, optimizer, batch_size, clip, smoothing, decay, seed):
    prob = problem(build=build)
    values = {"lr": 0.01, **OPTIMIZERS[optimizer][0], "batch_size": batch_size}
    t = trial(0, seed, grad_clip=clip, label_smoothing=smoothing, ema_decay=decay, **values)
    regime = Regime(eval_steps=(0, 3, 6), eval_train=17, eval_val=9, probe_every=2)
    (expected,), plain = train("pool", prob, [t], 6, regime)
    (state,), told = train("native", prob, [t], 6, regime)
    assert told.names(0) == plain.names(0)
    for name in plain.names(0):
        for one, other in zip(told.series(0, name), plain.series(0, name), strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-10, err_msg=name)
    for part in ("parameters", "buffers", "average"):
        ours, theirs = getattr(state, part), getattr(expected, part)
        assert ours.keys() == theirs.keys()
        assert not ours or apart(ours, theirs) < 1e-9
