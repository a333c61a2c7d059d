"""What the native engine promises besides the right numbers: the pool's ends and curves; refusals; no traces."""

import copy
import ctypes
import dataclasses
import threading

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn
from training_cases import CLASSES, Branches, Quiet, apart, problem, train, trial

from goodfit.errors import TaskError
from goodfit.training.choice import choose_engine
from goodfit.training.engines import ENGINES
from goodfit.training.engines.native import building, library
from goodfit.training.engines.native.training import NativeTraining
from goodfit.training.problem import Loss
from goodfit.training.splits import LazySplit, ResidentSplit
from goodfit.training.trial import Regime, Segment, Status, Trial

pytestmark = pytest.mark.usefixtures("native")
TOLERANCE = 1e-11


def normed(hp):
    return nn.Sequential(
        nn.Linear(5, 9, bias=False), nn.BatchNorm1d(9), nn.ReLU(), nn.Dropout(hp.dropout), nn.Linear(9, CLASSES)
    )


def assert_told_alike(ours, theirs, number):
    assert ours.names(number) == theirs.names(number)
    for name in theirs.names(number):
        for one, other in zip(ours.series(number, name), theirs.series(number, name), strict=True):
            np.testing.assert_allclose(one, other, rtol=0, atol=TOLERANCE, err_msg=name)
    for one, other in zip(ours.probed(number), theirs.probed(number), strict=True):
        assert one.step == other.step
        np.testing.assert_allclose(one.losses, other.losses, rtol=0, atol=TOLERANCE)
        assert one.output_spread == pytest.approx(other.output_spread, abs=TOLERANCE)
        assert one.dead_fraction == other.dead_fraction
    assert ours.ended(number) == theirs.ended(number)


@pytest.mark.parametrize("changes", [{}, {"zero_inputs": True}, {"redraw_targets": True}, {"regularised": False}])
def test_curves_probes_and_ends_are_the_pools(changes):
    regime = Regime(eval_steps=(0, 4, 10, 33), eval_train=30, eval_val=20, probe=16, probe_every=5, **changes)
    ts = [trial(i, dropout=0.2 * i, ema_decay=0.9 if i else None, grad_clip=0.3 * i) for i in range(3)]
    _, pool = train("pool", problem(build=normed), ts, 35, regime)
    _, native = train("native", problem(build=normed), ts, 35, regime)
    for t in ts:
        assert_told_alike(native, pool, t.number)


@pytest.mark.parametrize("lr", [30.0, 1e4, 1e30, 1e300])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_diverging_trial_ends_as_in_the_pool(lr, dtype):
    ts = [trial(0, lr=lr, momentum=0.0), trial(1)]
    pool_states, pool = train("pool", problem(dtype=dtype), ts, 40)
    states, native = train("native", problem(dtype=dtype), ts, 40)
    assert native.ended(0).status is Status.DIVERGED
    assert native.ended(1).status is Status.DONE
    for one, other in zip(states, pool_states, strict=True):
        assert one.step == other.step
    if dtype == torch.float64:
        assert native.ended(0) == pool.ended(0)
    else:  # rounding differs
        assert (native.ended(0).status, native.ended(0).step) == (pool.ended(0).status, pool.ended(0).step)


def test_inputs_that_are_not_finite_are_named():
    prob = problem()
    inputs, targets = prob.train.samples
    inputs[7] = torch.nan
    prob = dataclasses.replace(prob, train=ResidentSplit((inputs, targets)))
    ends = [train(engine, prob, [trial()], 20)[1].ended(0) for engine in ("native", "pool")]
    assert ends[0] == ends[1]
    assert "batch itself" in ends[0].reason


def test_a_trial_that_learned_its_samples_stops_as_in_the_pool():
    for batch_size in (12, 4):
        regime = Regime(samples=tuple(range(12)), batch_size=batch_size, regularised=False, fitted_fraction=0.01)
        ts = [trial(0, lr=0.03, optimizer="adamw"), trial(1, lr=1e-6)]
        _, pool = train("pool", problem(), ts, 400, regime)
        _, native = train("native", problem(), ts, 400, regime)
        assert native.ended(0).status is Status.STOPPED
        for number in (0, 1):
            assert native.ended(number) == pool.ended(number)


def test_a_trial_asked_to_leave_leaves_and_the_others_go_on():
    states, told = train("native", problem(), [trial(0), trial(1), trial(2)], 6, control=Quiet(stopped=(1,)))
    assert [told.ended(i).status for i in range(3)] == [Status.DONE, Status.STOPPED, Status.DONE]
    assert [state.step for state in states] == [6, 0, 6]


def test_an_interrupted_trial_can_be_gone_on_with_to_the_last_bit():
    prob, ts = problem(build=normed, dtype=torch.float32), [trial(0, dropout=0.3, ema_decay=0.9, optimizer="adamw")]
    whole, _ = train("native", prob, ts, 60)
    (half,), told = train("native", prob, ts, 60, control=Quiet(stop_after=2))
    assert told.ended(0).status is Status.INTERRUPTED
    assert 0 < half.step < 60
    rest, _ = train("native", prob, ts, 60, states=[half])
    for part in ("parameters", "buffers", "average"):
        assert apart(getattr(whole[0], part), getattr(rest[0], part)) == 0
    assert whole[0].recent_losses == rest[0].recent_losses


def test_a_trial_is_the_same_alone_and_in_any_company_to_the_last_bit():
    def build(hp):
        return nn.Sequential(nn.Linear(5, hp.width), nn.ReLU(), nn.Dropout(hp.dropout), nn.Linear(hp.width, CLASSES))

    prob, t = problem(build=build, dtype=torch.float32), trial(5, width=17, dropout=0.4)
    alone, _ = train("native", prob, [t], 30)
    company = [trial(1, width=64, lr=1e30), trial(2, width=3, optimizer="adam", batch_size=16)]
    (_, _, together), _ = train("native", prob, [*company, t], 30)
    assert apart(alone[0].parameters, together.parameters) == 0


@pytest.mark.parametrize("optimizer", ["sgd", "adamw", "rmsprop"])
@pytest.mark.parametrize(
    "engines", [("pool", "native"), ("native", "pool"), ("native", "batched"), ("batched", "native")]
)
def test_a_state_goes_on_in_another_engine_as_if_nothing_had_happened(engines, optimizer):
    prob = problem(build=normed)
    values = {"optimizer": optimizer, "lr": 0.005, "dropout": 0.3, "ema_decay": 0.9, "schedule": "cosine"}
    ts = [trial(i, schedule_steps=20, **values) for i in range(2)]
    whole, all_told = train("pool", prob, ts, 20)
    half, _ = train(engines[0], prob, ts, 9)
    resumed, told = train(engines[1], prob, ts, 20, states=half)
    for one, other in zip(whole, resumed, strict=True):
        for part in ("parameters", "buffers", "average"):
            assert apart(getattr(one, part), getattr(other, part)) < 1e-10
        assert other.initial_loss == pytest.approx(one.initial_loss, abs=1e-12)
        for slot in one.optimizer:
            assert apart(one.optimizer[slot], other.optimizer[slot]) < 1e-10
    losses = told.series(1, "step_loss")[1]
    np.testing.assert_allclose(losses, all_told.series(1, "step_loss")[1][9:], rtol=0, atol=TOLERANCE)


def test_segments_change_hyperparameters_from_their_steps_on():
    values = {"lr": 0.05, "optimizer": "adamw", "dropout": 0.0}
    changed = values | {"lr": 0.001, "dropout": 0.5, "label_smoothing": 0.3, "ema_decay": 0.9, "grad_clip": 0.2}
    t = Trial(0, 3, (Segment(0, values, 0), Segment(6, changed, 0), Segment(9, values | {"optimizer": "sgd"}, 0)))
    pool, plain = train("pool", problem(), [t], 12)
    native, told = train("native", problem(), [t], 12)
    assert_told_alike(told, plain, 0)
    assert apart(native[0].parameters, pool[0].parameters) < 1e-12


def test_checkpoints_come_at_ends_of_epochs_when_wanted():
    control = Quiet(wants=True)
    train("native", problem(), [trial(0), trial(1)], 40, control=control)
    per_epoch = 52 // 8
    steps = [state.step for states in control.checkpoints for state in states if state is not None]
    assert steps
    assert all(step % per_epoch == 0 or step == 40 for step in steps)
    assert all(len(states) == 2 for states in control.checkpoints)


def test_parameters_that_are_frozen_or_unused_stay_as_they_are():
    class Partly(nn.Module):
        def __init__(self):
            super().__init__()
            self.frozen, self.unused, self.head = nn.Linear(5, 5), nn.Linear(5, 5), nn.Linear(5, CLASSES)
            self.frozen.requires_grad_(False)
            self.head.bias.requires_grad_(False)

        def forward(self, x):
            return self.head(self.frozen(x))

    prob = problem(build=lambda hp: Partly())
    t = trial(0, optimizer="adamw", weight_decay=0.5, lr=0.1, ema_decay=0.9)
    regime = Regime(probe_every=2, eval_steps=(4,), eval_val=9)
    pool, plain = train("pool", prob, [t], 5, regime)
    native, told = train("native", prob, [t], 5, regime)
    assert_told_alike(told, plain, 0)
    assert apart(pool[0].parameters, native[0].parameters) < 1e-12
    assert apart(pool[0].average, native[0].average) < 1e-12


class Hooked(nn.Module):
    def __init__(self):
        super().__init__()
        self.head = nn.Linear(5, CLASSES)
        self.head.register_forward_hook(lambda module, inputs, output: output * 2)

    def forward(self, x):
        return self.head(x)


class TwoWays(nn.Module):
    def __init__(self):
        super().__init__()
        self.one, self.other = nn.Linear(5, CLASSES), nn.Linear(5, CLASSES)

    def forward(self, x):
        return self.one(x) if self.training else self.other(x)


class Residual(nn.Module):
    def __init__(self):
        super().__init__()
        self.body, self.head = nn.Linear(5, 5), nn.Linear(5, CLASSES)

    def forward(self, x):
        return self.head(x + self.body(x))


def tied():
    model = nn.Sequential(nn.Linear(5, 5), nn.ReLU(), nn.Linear(5, 5), nn.Linear(5, CLASSES))
    model[2].weight = model[0].weight
    return model


REFUSED = {
    "nn.PReLU (1)": lambda: nn.Sequential(nn.Linear(5, 8), nn.PReLU(), nn.Linear(8, CLASSES)),
    "nn.BatchNorm1d (0)": lambda: nn.Sequential(nn.BatchNorm1d(5, track_running_stats=False), nn.Linear(5, CLASSES)),
    "hooks of nn.Linear (head)": Hooked,
    "TwoWays": TwoWays,
    "the step add": Residual,
    "Branches": Branches,
    "share": tied,
    "no": nn.Identity,
}


@pytest.mark.parametrize("words", REFUSED)
def test_what_the_kernel_does_not_know_is_refused_by_name(words):
    model = REFUSED[words]()
    if words == "no":
        model.scale = nn.Parameter(torch.ones(()))
    refusal = ENGINES["native"].refuses(problem(build=lambda hp: copy.deepcopy(model)), [trial()], Regime())
    assert refusal is not None
    assert words in refusal
    assert "\n" not in refusal


def test_convolutions_losses_and_data_that_it_does_not_know_are_named():
    refuses = ENGINES["native"].refuses
    assert "nn.Conv2d (0)" in refuses(problem("cnn"), [trial()], Regime())
    assert "dropout" in refuses(problem("functional-dropout"), [trial()], Regime())
    assert "nn.GRU" in refuses(problem("gru"), [trial()], Regime())

    def own(prediction, target):
        return F.cross_entropy(prediction, target)

    assert "own" in refuses(problem(loss=own), [trial()], Regime())
    of_model = Loss(lambda model, batch: own(model(batch[0]), batch[1]), of_model=True)
    assert "loss" in refuses(problem(loss=of_model), [trial()], Regime())
    prob = problem()
    lazy = LazySplit(torch.utils.data.TensorDataset(*prob.train.samples))
    assert "sample by sample" in refuses(dataclasses.replace(prob, train=lazy), [trial()], Regime())


def test_numbers_that_differ_from_plain_pytorchs_make_it_step_aside(monkeypatch):
    prob = problem()
    assert ENGINES["native"].refuses(prob, [trial()], Regime()) is None
    right = NativeTraining._enter_segment

    def wrong(self, state):
        right(self, state)
        self.job.eps, self.job.beta1 = 1e-2, 0.5

    with monkeypatch.context() as patched:
        patched.setattr(NativeTraining, "_enter_segment", wrong)
        refusal = ENGINES["native"].refuses(prob, [trial(optimizer="adamw")], Regime())
        assert refusal is not None
        assert "differs from plain PyTorch" in refusal
    monkeypatch.setattr(NativeTraining, "_predict", lambda self, *rest: torch.zeros(32, CLASSES, dtype=torch.float64))
    assert "evaluation mode differ" in ENGINES["native"].refuses(prob, [trial()], Regime())


def test_a_target_outside_the_classes_is_told_by_plain_pytorch():
    prob = problem()
    inputs, targets = prob.train.samples
    wrong = dataclasses.replace(prob, train=ResidentSplit((inputs, targets + 3)))
    assert "outside the model's classes" in ENGINES["native"].refuses(wrong, [trial()], Regime())
    with pytest.raises(TaskError, match="outside the model's classes"):
        choose_engine(wrong, [trial()], Regime(), seconds=0.1)


def test_training_leaves_subnormal_numbers_threads_and_generators_as_they_were():
    threads, state = torch.get_num_threads(), torch.random.get_rng_state()
    train("native", problem(dtype=torch.float32), [trial(0, lr=1e30), trial(1)], 20)
    small = np.float32(1e-38) * np.float32(0.01)
    assert 0 < small < 1e-39
    assert float(torch.tensor(1e-38) * 0.01) > 0
    assert torch.get_num_threads() == threads
    assert torch.equal(torch.random.get_rng_state(), state)
    assert not any("fast-math" in flag or flag.startswith("-march") for flag in building._FLAGS)


def test_other_threads_of_python_run_while_the_kernel_does():
    prob = problem(dtype=torch.float32)
    training = NativeTraining(prob, trial(), None, Regime(), lambda event: None, library.kernel())
    steps = 100_000
    indices, rates, losses = training.feed.all_indices(3, range(steps)), np.full(steps, 1e-6), np.empty(steps)
    job = training.job
    job.steps, job.indices, job.limit, job.goal = steps, indices.data_ptr(), float("inf"), float("-inf")
    job.rates, job.losses = rates.ctypes.data, losses.ctypes.data
    running = threading.Thread(target=lambda: training.kernel.train(ctypes.byref(job), 0))
    turns = 0
    running.start()
    while running.is_alive():
        turns += 1
    assert job.steps_done == steps
    assert turns > 100
