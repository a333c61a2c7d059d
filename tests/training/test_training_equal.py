"""The engines against plain PyTorch written by hand, in float64: the project's central promise."""

import numpy as np
import pytest
import torch
from training_cases import MODELS, apart, by_hand, problem, train, trial

from goodfit.training.batches import Feed
from goodfit.training.schedules import multipliers
from goodfit.training.structure import build_model
from goodfit.training.trial import Regime

torch.set_num_threads(1)
STEPS = 15
TOLERANCE = 1e-12  # float64: some thousand roundings of numbers of order 1
OPTIMIZERS = {
    "sgd": ({"momentum": 0.0}, lambda ps: torch.optim.SGD(ps, 0.02)),
    "momentum": ({"momentum": 0.9}, lambda ps: torch.optim.SGD(ps, 0.02, momentum=0.9)),
    "nesterov": (
        {"momentum": 0.8, "nesterov": True, "weight_decay": 0.01},
        lambda ps: torch.optim.SGD(ps, 0.02, momentum=0.8, nesterov=True, weight_decay=0.01),
    ),
    "adam": (
        {"optimizer": "adam", "beta1": 0.8, "eps": 1e-4, "weight_decay": 0.05},
        lambda ps: torch.optim.Adam(ps, 0.02, (0.8, 0.999), 1e-4, 0.05),
    ),
    "adamw": (
        {"optimizer": "adamw", "beta2": 0.98, "weight_decay": 0.1},
        lambda ps: torch.optim.AdamW(ps, 0.02, (0.9, 0.98), weight_decay=0.1),
    ),
    "rmsprop": ({"optimizer": "rmsprop", "lr": 0.002}, lambda ps: torch.optim.RMSprop(ps, 0.002)),
    "rmsprop-momentum": (
        {"optimizer": "rmsprop", "lr": 0.002, "momentum": 0.5, "weight_decay": 0.01, "beta2": 0.9},
        lambda ps: torch.optim.RMSprop(ps, 0.002, 0.9, momentum=0.5, weight_decay=0.01),
    ),
}


def assert_equal_to_hand(state, told, number, hand):
    losses, model, average = hand
    np.testing.assert_allclose(told.series(number, "step_loss")[1], losses, rtol=0, atol=TOLERANCE)
    assert apart(state.parameters, dict(model.named_parameters())) < TOLERANCE
    if state.buffers:
        assert apart(state.buffers, {n: b for n, b in model.named_buffers() if n in state.buffers}) < TOLERANCE
    if average is not None:
        wanted = dict(average.named_parameters()) | {n: b for n, b in average.named_buffers() if n in state.average}
        assert apart(state.average, wanted) < TOLERANCE


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("engine", ["pool", "batched"])
def test_each_optimizer_takes_the_steps_of_torch_optim(engine, optimizer):
    hyperparameters, make = OPTIMIZERS[optimizer]
    prob, t = problem(), trial(dropout=0.3, **hyperparameters)
    (state,), told = train(engine, prob, [t], STEPS)
    assert_equal_to_hand(state, told, 0, by_hand(prob, t, STEPS, make))


@pytest.mark.parametrize("trials", [1, 2, 7])
@pytest.mark.parametrize("model", [name for name in MODELS if name != "functional-dropout"])
def test_each_layer_kind_learns_the_same_alone_and_in_a_cohort(model, trials):
    prob = problem(model)
    ts = [trial(i, lr=0.02 * 0.7**i, dropout=0.1 * i) for i in range(trials)]
    together, told = train("batched", prob, ts, STEPS)
    for t, state in zip(ts, together, strict=True):
        hand = by_hand(prob, t, STEPS, lambda ps: torch.optim.SGD(ps, 1.0, momentum=0.9))
        assert_equal_to_hand(state, told, t.number, hand)


@pytest.mark.parametrize("model", [name for name in MODELS if name != "functional-dropout"])
def test_the_pool_learns_what_plain_pytorch_learns(model):
    prob, t = problem(model), trial(dropout=0.3)
    (state,), told = train("pool", prob, [t], STEPS)
    hand = by_hand(prob, t, STEPS, lambda ps: torch.optim.SGD(ps, 1.0, momentum=0.9))
    assert_equal_to_hand(state, told, 0, hand)


@pytest.mark.parametrize("engine", ["pool", "batched"])
def test_rates_dropout_smoothing_clipping_schedules_and_averages_differ_freely_in_one_cohort(engine):
    prob = problem("cnn")
    settings = [
        (0.0, None, "constant", 0.0, None, 0.0),
        (0.3, 0.1, "cosine", 0.2, 0.5, 0.99),
        (1.0, 0.0, "one-cycle", 0.0, None, 0.9),
        (0.6, 0.3, "step", 0.1, 0.05, None),
        (0.1, None, "inverse-sqrt", 0.5, 3.0, None),
    ]
    ts = [
        trial(
            i,
            schedule_steps=STEPS,
            dropout=p,
            label_smoothing=smoothing,
            schedule=kind,
            warmup=warmup,
            grad_clip=clip,
            ema_decay=decay,
        )
        for i, (p, smoothing, kind, warmup, clip, decay) in enumerate(settings)
    ]
    states, told = train(engine, prob, ts, STEPS)
    for t, state, (_, smoothing, kind, warmup, clip, decay) in zip(ts, states, settings, strict=True):
        table = multipliers(kind, STEPS, warmup)
        make = lambda ps: torch.optim.SGD(ps, 1.0, momentum=0.9)  # noqa: E731
        hand = by_hand(prob, t, STEPS, make, clip, smoothing or 0.0, table, decay)
        assert bool(state.average) == bool(decay)
        assert_equal_to_hand(state, told, t.number, hand)


@pytest.mark.parametrize("fused", [True, False])
@pytest.mark.parametrize("optimizer", ["nesterov", "adam", "adamw"])
def test_single_pass_kernels_and_passes_over_all_trials_update_alike(optimizer, fused, monkeypatch):
    monkeypatch.setattr("goodfit.training.optimizers._FUSED_FROM", 0 if fused else 10**9)
    hyperparameters, make = OPTIMIZERS[optimizer]
    prob, t = problem(), trial(dropout=0.2, grad_clip=0.4, **hyperparameters)
    states, told = train("batched", prob, [t, trial(1)] if optimizer == "nesterov" else [t], STEPS)
    assert_equal_to_hand(states[0], told, 0, by_hand(prob, t, STEPS, make, clip=0.4))


def test_trials_with_their_own_seeds_see_their_own_batches_and_masks():
    prob = problem()
    ts = [trial(i, seed=10 + i, dropout=0.4) for i in range(3)]
    states, told = train("batched", prob, ts, STEPS)
    for t, state in zip(ts, states, strict=True):
        hand = by_hand(prob, t, STEPS, lambda ps: torch.optim.SGD(ps, 1.0, momentum=0.9))
        assert_equal_to_hand(state, told, t.number, hand)
    assert told.series(0, "step_loss")[1][0] != told.series(1, "step_loss")[1][0]


def test_a_trial_is_the_same_in_two_different_cohorts():
    prob, t = problem("cnn"), trial(5, dropout=0.4)
    (_, one, _), first = train("batched", prob, [trial(1, seed=9), t, trial(2, lr=0.3)], STEPS)
    (other, *_), second = train("batched", prob, [t, *(trial(10 + i, dropout=0.1 * i) for i in range(4))], STEPS)
    assert apart(one.parameters, other.parameters) < TOLERANCE
    np.testing.assert_allclose(first.series(5, "step_loss")[1], second.series(5, "step_loss")[1], atol=TOLERANCE)


def test_class_weights_and_ignored_targets_are_smoothed_as_pytorch_does():
    weight = torch.tensor([1.0, 2.0, 0.5, 3.0], dtype=torch.float64)
    loss = torch.nn.CrossEntropyLoss(weight=weight, ignore_index=2)
    prob, t = problem(loss=loss), trial(label_smoothing=0.2)
    for engine in ("pool", "batched"):
        _, told = train(engine, prob, [t], 1)
        (first,) = told.series(0, "step_loss")[1]
        inputs, targets = prob.train.samples
        order = Feed(prob, Regime(), 8).indices(t.seed, 0)
        model = build_model(prob.build, t.hyperparameters, t.seed, dtype=torch.float64)
        wanted = torch.nn.functional.cross_entropy(
            model(inputs[order]), targets[order], weight=weight, ignore_index=2, label_smoothing=0.2
        )
        assert first == pytest.approx(wanted.item(), abs=1e-14)


def test_float32_agrees_to_rounding():
    prob = problem("cnn", dtype=torch.float32)
    ts = [trial(i, lr=0.01, dropout=0.2 * i) for i in range(3)]
    pool, _ = train("pool", prob, ts, 5)
    batched, _ = train("batched", prob, ts, 5)
    for one, other in zip(pool, batched, strict=True):
        assert apart(one.parameters, other.parameters) < 1e-5
        assert all(value.dtype == torch.float32 for value in other.parameters.values())
