"""The doctor's rules on the user's task: a few plain steps of training, recorded, and read by the same rules.

The gates measure what the recipe asks for (losses, gradients, samples learned by heart). What `goodfit doctor` sees in
a script beside that (a softmax before cross-entropy, a loss that broadcasts, linear layers in a row, modes switched
within the model) stands in the user's model and loss and is seen here, before any budget is spent.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from goodfit.diagnosis.causes import facts
from goodfit.findings import Finding
from goodfit.recording.recorder import Recorder
from goodfit.recording.records import Recording
from goodfit.recording.sites import Sites
from goodfit.settings import Settings
from goodfit.training.batches import Feed, fixed_subset
from goodfit.training.faults import check_scalar, telling
from goodfit.training.measure.reading import quiet
from goodfit.training.optimizers import Choice, torch_optimizer
from goodfit.training.problem import Problem
from goodfit.training.splits import fetch_seeded, seed_globals, seeded
from goodfit.training.structure import built
from goodfit.training.trial import Regime

_WHAT = "training a few first steps"
_HELD_OUT = 256  # validation samples of the pass in the middle
# What other gates judge from more than a few steps show, and what a task leaves to goodfit.
_NOT_HERE = frozenset({"data-leakage", "lr-schedule-wrong", "no-shuffle", "optimizer-step-missing"})


def mistakes(
    problem: Problem, hyperparameters: Mapping[str, Any], seed: int, settings: Settings, *, steps: int, where: str = ""
) -> list[Finding]:
    """What the rules of facts see in `steps` plain steps and one pass over validation samples, causes first.

    The order of batches and the loop are goodfit's own and right; what is found is in the model, the loss or the data.
    `where` is told for what no line of the user's called.
    """
    rate = settings.initial_loss.watched_rate
    recording = record_training(problem, hyperparameters, seed, steps=steps, rate=rate)
    found = [finding for finding in facts(recording, settings.doctor) if finding.kind not in _NOT_HERE]
    return [finding if finding.where else dataclasses.replace(finding, where=where) for finding in found]


def record_training(
    problem: Problem, hyperparameters: Mapping[str, Any], seed: int, *, steps: int, rate: float
) -> Recording:
    """Train the user's own model by its own loss for a few plain steps under the recorder, in this process.

    The model is as the user builds it, its dropout included. In the middle it is evaluated on validation samples, as
    every trial is. The user's random numbers stay as they were.

    Args:
        problem: what is trained.
        hyperparameters: of the model and the optimiser; `batch_size` among them.
        seed: of the weights and of the order of the samples.
        steps: how many.
        rate: a small learning rate, for these steps are no test of it.

    Raises:
        TaskError, TrainingError: the model, the loss or the data cannot be trained.
    """
    start = {**hyperparameters, "lr": rate}
    feed = Feed(problem, Regime(), int(start["batch_size"]))
    recorder = Recorder(Sites(outermost=record_training.__code__), "task")
    with telling(_WHAT), seeded(seed), quiet():
        seed_globals(seed, problem.device)
        recorder.start()
        try:
            model = built(problem, start, seed)
            optimizer = torch_optimizer(Choice.read(start), (p for p in model.parameters() if p.requires_grad))
            _train(problem, model, optimizer, feed, seed, steps)
        finally:
            recorder.stop()
    return recorder.recording


def _train(
    problem: Problem, model: nn.Module, optimizer: torch.optim.Optimizer, feed: Feed, seed: int, steps: int
) -> None:
    model.train()
    for step in range(steps):
        optimizer.zero_grad()
        loss = problem.loss(model, feed.batch(seed, step))
        check_scalar(loss, _WHAT)
        if not loss.requires_grad:
            return  # step 2 tells of a graph that is cut
        loss.backward()
        optimizer.step()
        if step == steps // 2:
            _evaluate(problem, model, feed)


def _evaluate(problem: Problem, model: nn.Module, feed: Feed) -> None:
    modes = {module: module.training for module in model.modules()}
    model.eval()
    with torch.no_grad():
        for chunk in fixed_subset(len(problem.val), _HELD_OUT).split(feed.batch_size):
            problem.loss(model, fetch_seeded(problem.val, chunk, 0))
    for module, training in modes.items():
        module.training = training
