"""The doctor's rules on the user's task: a few plain steps of training, recorded, and read by the same rules.

The gates measure what the recipe asks for (losses, gradients, samples learned by heart). What `goodfit doctor` sees in
a script beside that (a softmax before cross-entropy, a loss that broadcasts, linear layers in a row, modes switched
within the model) stands in the user's model and loss and is seen here, before any budget is spent.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import torch

from goodfit.diagnosis.causes import facts
from goodfit.findings import Finding
from goodfit.recording.recorder import Recorder
from goodfit.recording.records import Recording
from goodfit.recording.sites import Sites
from goodfit.settings import Settings
from goodfit.training.batches import Feed, fixed_subset
from goodfit.training.faults import telling
from goodfit.training.measure.reading import quiet
from goodfit.training.optimizers import Choice, torch_optimizer
from goodfit.training.problem import Problem
from goodfit.training.splits import seeded
from goodfit.training.structure import built
from goodfit.training.trial import Regime

WHAT = "a few watched steps of training"
HELD_OUT = 256  # validation samples of the pass after the steps


def mistakes(
    problem: Problem, hyperparameters: Mapping[str, Any], seed: int, settings: Settings, *, steps: int
) -> list[Finding]:
    """What the rules of facts see in `steps` plain steps and one pass over validation samples, causes first.

    The order of batches and the loop are goodfit's own and right; what is found is in the model, the loss or the data.
    """
    return facts(_recorded(problem, hyperparameters, seed, steps), settings.doctor)


def _recorded(problem: Problem, hyperparameters: Mapping[str, Any], seed: int, steps: int) -> Recording:
    size = min(int(hyperparameters.get("batch_size", problem.default_batch_size)), len(problem.train))
    feed = Feed(problem, Regime(), size)
    held_out = problem.val.fetch(fixed_subset(len(problem.val), HELD_OUT))
    model = built(problem, hyperparameters, seed)
    optimizer = torch_optimizer(Choice.read(hyperparameters, regularised=False), model.parameters())
    recorder = Recorder(Sites(folder=os.getcwd()))
    with telling(WHAT), seeded(seed), quiet():
        recorder.start()
        try:
            recorder.know_optimizer(optimizer)
            for step in range(steps):
                model.train()
                optimizer.zero_grad()
                loss = problem.loss(model, feed.fetch(feed.indices(seed, step)))
                loss.backward()
                optimizer.step()
            model.eval()
            with torch.no_grad():
                problem.loss(model, held_out)
        finally:
            recording = recorder.stop()
    return recording
