"""The batched engine's recorded steps, without a device: the same path with a recorder that only keeps the work."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from goodfit.training.engines import ENGINES, captured, cohort
from goodfit.training.engines.captured import WARM_RUNS, Replayed, Work
from goodfit.training.engines.dry_run import Undisturbed
from goodfit.training.problem import Loss, Problem
from goodfit.training.splits import ResidentSplit
from goodfit.training.trial import Event, Points, Regime, Segment, Trial


def kept(work: Work) -> Work:
    """Records nothing: replaying runs the work, on the memory that a graph would use."""
    return work


class Running:
    """Adds its input to a state, and gives twice the state."""

    def __init__(self, record=kept) -> None:
        self.state = torch.zeros(3, dtype=torch.float64)
        self.calls = 0
        self.replayed = Replayed("a sum", record, self.add, lambda: [self.state])

    def add(self, inputs: list[Tensor]) -> list[Tensor]:
        self.calls += 1
        self.state += inputs[0]
        return [2 * self.state]


def test_a_replayed_function_gives_what_the_function_gives_and_changes_its_state_once_a_call() -> None:
    running = Running()
    for call in range(1, WARM_RUNS + 6):
        (seen,) = running.replayed([torch.full((3,), 1.0, dtype=torch.float64)])
        assert seen.tolist() == [2.0 * call] * 3
        assert running.state.tolist() == [float(call)] * 3


def test_inputs_of_another_shape_are_not_replayed() -> None:
    running = Running()
    for _ in range(WARM_RUNS + 2):
        running.replayed([torch.ones(3, dtype=torch.float64)])
    running.replayed([torch.ones(1, dtype=torch.float64)])
    assert running.state.tolist() == [WARM_RUNS + 3.0] * 3


def raises(work: Work) -> Work:
    raise RuntimeError("operation not permitted when stream is capturing\nmore of it")


@pytest.mark.parametrize(
    ("record", "why"),
    [(raises, "operation not permitted when stream is capturing"), (lambda work: lambda: None, "")],
    ids=["cannot be recorded", "replays nothing"],
)
def test_what_cannot_be_recorded_is_said_once_and_goes_on_right(record, why) -> None:
    running = Running(record)
    for _ in range(WARM_RUNS):
        running.replayed([torch.ones(3, dtype=torch.float64)])
    with pytest.warns(RuntimeWarning, match=f"without a CUDA graph for a sum, more slowly: .*{why}"):
        running.replayed([torch.ones(3, dtype=torch.float64)])
    for _ in range(3):  # a second warning would be an error
        running.replayed([torch.ones(3, dtype=torch.float64)])
    assert running.state.tolist() == [WARM_RUNS + 4.0] * 3


def trained(
    problem: Problem, values: dict[str, object], seeds: range
) -> tuple[dict[tuple[int, str], list[float]], list[Tensor]]:
    """Four trials with rates, decay and clipping of their own."""
    told: list[Event] = []
    trials = [
        Trial(n, n, (Segment(0, {**values, "lr": lr, "grad_clip": 0.5 + n, "weight_decay": 0.01 * n}, 20),))
        for n, lr in zip(seeds, (1e-3, 1e-2, 3e-3, 1e-2), strict=True)
    ]
    regime = Regime(eval_steps=(0, 7, 20), eval_train=16, eval_val=16, probe_every=5)
    states = ENGINES["batched"].advance(problem, trials, [None] * 4, regime, 20, told.append, Undisturbed())
    curves: dict[tuple[int, str], list[float]] = {}
    for event in told:
        if isinstance(event, Points):
            curves.setdefault((event.trial, event.series), []).extend(event.values.tolist())
    return curves, [tensor for state in states for tensor in (*state.parameters.values(), *state.buffers.values())]


def a_problem(device: str = "cpu") -> Problem:
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randn(96, 6, generator=generator, dtype=torch.float64)
    labels = (inputs[:, 0] > 0).long()
    split = ResidentSplit((inputs, labels), device, torch.float64)

    def build(hp: object) -> nn.Module:
        return nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.2), nn.Linear(8, 2))

    return Problem(build, Loss(F.cross_entropy), {}, split, split, torch.device(device), torch.float64, 16)


OPTIMIZERS = [
    {"optimizer": "sgd", "nesterov": True},
    {"optimizer": "adam"},
    {"optimizer": "adamw", "ema_decay": 0.9, "schedule": "cosine"},
    {"optimizer": "rmsprop", "momentum": 0.5},
]


@pytest.mark.parametrize("values", OPTIMIZERS, ids=[str(values["optimizer"]) for values in OPTIMIZERS])
def test_a_cohort_whose_steps_are_replayed_learns_the_same(values, monkeypatch) -> None:
    told, plain = trained(a_problem(), values, range(4))
    replays = 0

    def counted(work: Work) -> Work:
        def replay() -> None:
            nonlocal replays
            replays += 1
            work()

        return replay

    monkeypatch.setattr(cohort, "recorder", lambda device: counted)
    again, replayed = trained(a_problem(), values, range(4))
    assert replays >= 2 * (20 - WARM_RUNS - 1)  # gradients and updates
    for one, other in zip(plain, replayed, strict=True):
        torch.testing.assert_close(other, one, rtol=1e-12, atol=1e-12)
    assert told.keys() == again.keys()
    for series, values_told in told.items():
        torch.testing.assert_close(torch.tensor(again[series]), torch.tensor(values_told), rtol=1e-12, atol=1e-12)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")
@pytest.mark.parametrize("values", OPTIMIZERS, ids=[str(values["optimizer"]) for values in OPTIMIZERS])
def test_a_cohort_learns_the_same_with_a_graph_and_without(values, monkeypatch, recwarn) -> None:
    _, with_graph = trained(a_problem("cuda"), values, range(4))
    assert not [str(w.message) for w in recwarn if "CUDA graph" in str(w.message)]
    monkeypatch.setattr(captured, "WARM_RUNS", 1 << 60)
    _, without = trained(a_problem("cuda"), values, range(4))
    for one, other in zip(without, with_graph, strict=True):
        torch.testing.assert_close(other, one, rtol=1e-10, atol=1e-10)
