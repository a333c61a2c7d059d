"""Trained states as models again: evaluated on a split, averaged over an ensemble, or given to the user."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from goodfit.errors import TaskError
from goodfit.hyperparameters import Hyperparameters
from goodfit.training.batches import samples_in
from goodfit.training.evaluation import as_number, chunks_of, evaluating
from goodfit.training.faults import telling
from goodfit.training.problem import Batch, Problem, Split, as_pair
from goodfit.training.splits import fetch_seeded, map_batches
from goodfit.training.states import load_into
from goodfit.training.structure import build_model
from goodfit.training.trial import TrialState


@dataclasses.dataclass(frozen=True, slots=True)
class Evaluation:
    """A model's mean loss and metrics on a whole split, in eval mode."""

    loss: float
    metrics: Mapping[str, float]
    outputs: Batch | None  # the predictions of all samples, on the CPU; None where the loss is of (model, batch)


def load_model(
    build: Callable[[Hyperparameters], nn.Module],
    hyperparameters: Mapping[str, Any],
    seed: int,
    state: TrialState,
    averaged: bool = False,
    device: torch.device | None = None,
) -> nn.Module:
    """The model as `build` makes it (nn.Dropout and all), with the state's weights, in eval mode.

    Args:
        build: the user's builder.
        hyperparameters: those of the trial.
        seed: the trial's; matters only to what `build` draws and the state does not hold.
        state: the trained state.
        averaged: take the Polyak average.
        device: None: the CPU.

    Raises:
        TaskError: the state does not fit what is built, or holds no average.
    """
    if averaged and not state.average:
        raise TaskError("The averaged weights were asked for, but this trial was trained without ema_decay.")
    floating = [value.dtype for value in state.parameters.values() if value.is_floating_point()]
    model = build_model(build, hyperparameters, seed, device, floating[0] if floating else None)
    load_into(model, state, averaged)
    return model.eval()


def evaluate(
    problem: Problem,
    hyperparameters: Mapping[str, Any],
    seed: int,
    state: TrialState,
    split: Split,
    averaged: bool = False,
) -> Evaluation:
    """How a trained state does on a whole split.

    Raises:
        TaskError: the model, loss or a metric cannot be used.
    """
    model = load_model(problem.build, hyperparameters, seed, state, averaged, problem.device)
    with telling("evaluating the trained model"):
        if not problem.loss.of_model:
            return score_outputs(problem, predict(problem, model, split), split)
        totals: dict[str, float] = {}
        with torch.no_grad(), evaluating(model):
            for chunk in chunks_of(torch.arange(len(split))):
                batch = fetch_seeded(split, chunk, int(chunk[0]))
                values = {"loss": problem.loss(model, batch)}
                values |= {name: metric(model, batch) for name, metric in problem.metrics.items()}
                for name, value in values.items():
                    totals[name] = totals.get(name, 0.0) + as_number(name, value) * samples_in(batch) / len(split)
        return Evaluation(totals.pop("loss"), totals, None)


def predict(problem: Problem, model: nn.Module, split: Split) -> Batch:
    """The model's outputs for all samples of a split in order, in eval mode, on the CPU.

    Raises:
        TaskError: the loss is of (model, batch), so that what goes into the model is not known.
    """
    if problem.loss.of_model:
        raise TaskError("Outputs cannot be collected where the loss is of (model, batch): it alone calls the model.")
    outputs = []
    with torch.no_grad(), evaluating(model):
        for chunk in chunks_of(torch.arange(len(split))):
            inputs, _ = as_pair(fetch_seeded(split, chunk, int(chunk[0])))
            outputs.append(map_batches(lambda parts: parts[0].cpu(), [model(inputs)]))
    return map_batches(lambda parts: torch.cat(list(parts)), outputs)


def score_outputs(problem: Problem, outputs: Batch, split: Split) -> Evaluation:
    """Loss and metrics of outputs that are at hand, such as an ensemble's; averaged over chunks by their sizes."""
    totals: dict[str, float] = {}
    for chunk in chunks_of(torch.arange(len(split))):
        _, target = as_pair(fetch_seeded(split, chunk, int(chunk[0])))

        def taken(parts: Sequence[Tensor], chunk: Tensor = chunk) -> Tensor:
            return parts[0][chunk].to(problem.device)

        prediction = map_batches(taken, [outputs])
        values = {"loss": problem.loss.function(prediction, target)}
        values |= {name: metric(prediction, target) for name, metric in problem.metrics.items()}
        for name, value in values.items():
            totals[name] = totals.get(name, 0.0) + as_number(name, value) * len(chunk) / len(split)
    return Evaluation(totals.pop("loss"), totals, outputs)


def mean_outputs(problem: Problem, outputs: Sequence[Tensor]) -> Tensor:
    """An ensemble's outputs: the mean of its members' probabilities, back on the scale that the loss reads.

    For cross-entropy the logarithm of the mean softmax (class dimension 1); for any other loss the mean output.
    """
    if problem.loss.cross_entropy is None:
        return torch.stack(list(outputs)).mean(0)
    logs = torch.stack([torch.log_softmax(output, dim=1) for output in outputs])
    return torch.logsumexp(logs, dim=0) - torch.log(torch.tensor(float(len(outputs)), dtype=logs.dtype))
