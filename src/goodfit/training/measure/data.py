"""What the data stage reads: inputs and targets as they come, copies, and what the others in this folder find."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from goodfit.training.batches import fixed_subset
from goodfit.training.measure.baselines import Baseline, baselines_of
from goodfit.training.measure.causal import foresight_of
from goodfit.training.measure.columns import Column, telltale_columns
from goodfit.training.measure.passage import fed_into, mixing_of
from goodfit.training.measure.reading import HASHED, LOOKED_AT, pair_or_none, row_bytes, tensors_of
from goodfit.training.measure.targets import target_kind
from goodfit.training.problem import Problem, Split


@dataclasses.dataclass(frozen=True, slots=True)
class FieldReport:
    """One tensor of the batches, over the samples looked at."""

    name: str  # "inputs", "inputs.mask", "target"
    shape: tuple[int, ...]  # of one sample
    dtype: str
    real: bool  # floating point
    mean: float
    sd: float
    low: float
    high: float
    not_finite: int  # values
    features: int
    constant_features: int
    widest_mean: float  # the largest |mean| of a feature
    widest_sd: float  # the largest sd of a feature
    narrowest_sd: float  # the smallest sd of a feature that varies


@dataclasses.dataclass(frozen=True, slots=True)
class DataMeasured:
    """The data stage's record."""

    train_samples: int
    val_samples: int
    looked_at: int
    fields: tuple[FieldReport, ...]
    target_kind: str  # "classes", "binary", "multi-label", "real", "sequence", "unknown"
    class_counts: tuple[int, ...]  # over the samples looked at
    weighted: bool  # the loss has class weights: something makes up for imbalance
    hashed_train: int
    hashed_val: int
    copies_within: int  # training samples whose inputs equal an earlier one's
    copies_conflicting: int  # of these, with another target
    copies_across: int  # validation samples whose inputs are also in the training split
    distinct_columns: int  # median count of distinct values of an input column: few values repeat by chance
    columns: tuple[Column, ...]  # that settle the target nearly alone, best first
    baselines: tuple[Baseline, ...]
    fed_mean: float | None  # of what reaches the first layer with weights, past any scaling within the model
    fed_sd: float | None
    mixing: float | None  # change of other samples' outputs when one sample is exchanged, relative; None: not tested
    foresight: (
        float | None
    )  # change of outputs up to a place when later inputs are exchanged, relative; None: not asked
    skipped: tuple[str, ...]  # checks left out, each with its reason


def measure_data(
    problem: Problem,
    hyperparameters: Mapping[str, Any],
    seed: int,
    *,
    samples: int = 1000,
    hashed: int = 20000,
    independence: int = 8,
    column_samples: int = 30,
) -> DataMeasured:
    """Look at the data without training on it.

    Args:
        problem: its training and validation splits.
        hyperparameters: for the model in the independence test.
        seed: of that model's weights.
        samples: looked at closely, per split.
        hashed: samples per split among which copies are sought.
        independence: samples in the independence test.
        column_samples: fewest samples for the one-column check.
    """
    batch = problem.train.fetch(fixed_subset(len(problem.train), samples, LOOKED_AT))
    looked = min(samples, len(problem.train))
    pair = pair_or_none(batch)
    skipped: list[str] = []
    target = pair[1] if pair is not None else None
    if pair is None:
        skipped.append("targets: the batches are no (inputs, target) pairs")
    kind, labels = target_kind(target)
    named = {"inputs": batch} if pair is None else {"inputs": pair[0], "target": pair[1]}
    fields = [
        _report(name, tensor)
        for whole, part in named.items()
        for name, tensor in tensors_of(part, whole).items()
        if tensor.ndim > 0 and len(tensor) == looked
    ]
    plain = pair[0] if pair is not None and isinstance(pair[0], Tensor) and pair[0].is_floating_point() else None
    columns: tuple[Column, ...] = ()
    baselines: tuple[Baseline, ...] = ()
    if plain is None:
        skipped.append("one-column check and linear baseline: the inputs are not one tensor of real features")
    elif labels is None:
        skipped.append(f"one-column check and linear baseline: targets of kind {kind}")
    else:
        table = plain.double().flatten(1).cpu().numpy()
        if not np.isfinite(table).all():
            skipped.append("one-column check and linear baseline: the inputs hold values that are not finite")
        else:
            if table.shape[1] < 2 or len(table) < column_samples:
                skipped.append(f"one-column check: {table.shape[1]} columns, {len(table)} samples")
            else:
                columns = telltale_columns(table, labels, classes=kind != "real")
            baselines = baselines_of(problem, table, labels, kind, samples)
    counts: tuple[int, ...] = ()
    if labels is not None and kind in ("classes", "binary"):
        counts = tuple(np.unique(labels, return_counts=True)[1].tolist())
    copies = _copies(problem.train, problem.val, hashed)
    fed_mean, fed_sd = fed_into(problem, hyperparameters, seed, plain)
    mixing, reason = mixing_of(problem, hyperparameters, seed, independence)
    if reason:
        skipped.append(f"batch independence: {reason}")
    foresight, reason = foresight_of(problem, hyperparameters, seed)
    if reason:
        skipped.append(f"causality: {reason}")
    return DataMeasured(
        train_samples=len(problem.train),
        val_samples=len(problem.val),
        looked_at=looked,
        fields=tuple(fields),
        target_kind=kind,
        class_counts=counts,
        weighted=_weighted(problem),
        hashed_train=copies[0],
        hashed_val=copies[1],
        copies_within=copies[2],
        copies_conflicting=copies[3],
        copies_across=copies[4],
        distinct_columns=_distinct(plain),
        columns=columns,
        baselines=baselines,
        fed_mean=fed_mean,
        fed_sd=fed_sd,
        mixing=mixing,
        foresight=foresight,
        skipped=tuple(skipped),
    )


def _report(name: str, tensor: Tensor) -> FieldReport:
    values = tensor.detach().cpu().double().reshape(len(tensor), -1)
    finite = values.isfinite()
    good = torch.where(finite, values, torch.zeros(()).double())
    sd, mean = good.std(dim=0, correction=0), good.mean(dim=0)
    kept = values[finite]
    varies = sd > 1e-12
    return FieldReport(
        name=name,
        shape=tuple(tensor.shape[1:]),
        dtype=str(tensor.dtype).removeprefix("torch."),
        real=tensor.is_floating_point(),
        mean=float(kept.mean()) if kept.numel() else math.nan,
        sd=float(kept.std(correction=0)) if kept.numel() else math.nan,
        low=float(kept.min()) if kept.numel() else math.nan,
        high=float(kept.max()) if kept.numel() else math.nan,
        not_finite=int((~finite).sum()),
        features=values.shape[1],
        constant_features=int((~varies).sum()),
        widest_mean=float(mean.abs().max()) if values.shape[1] else math.nan,
        widest_sd=float(sd.max()) if values.shape[1] else math.nan,
        narrowest_sd=float(sd[varies].min()) if bool(varies.any()) else 0.0,
    )


def _weighted(problem: Problem) -> bool:
    function = problem.loss.function
    return getattr(function, "weight", None) is not None or getattr(function, "pos_weight", None) is not None


def _distinct(inputs: Tensor | None, columns: int = 64) -> int:
    if inputs is None:
        return 0
    table = inputs.detach().flatten(1)
    picked = table[:, torch.linspace(0, table.shape[1] - 1, min(columns, table.shape[1])).long()]
    return int(np.median([len(torch.unique(picked[:, c])) for c in range(picked.shape[1])]))


def _hashes(split: Split, most: int, chunk: int = 2000) -> list[tuple[int, int]]:
    """(hash of the inputs, hash of the target) of each sample among the first `most` of a fixed shuffle."""
    found: list[tuple[int, int]] = []
    for part in fixed_subset(len(split), most, HASHED).split(chunk):
        batch = split.fetch(part)
        pair = pair_or_none(batch)
        inputs = row_bytes(batch if pair is None else pair[0], len(part))
        target = row_bytes(pair[1], len(part)) if pair is not None else [b""] * len(part)
        found += [(hash(one), hash(other)) for one, other in zip(inputs, target, strict=True)]
    return found


def _copies(train: Split, val: Split, most: int) -> tuple[int, int, int, int, int]:
    """Hashed samples of both splits; copies within the first, those of them with another target, and across."""
    ours, theirs = _hashes(train, most), _hashes(val, most)
    first: dict[int, int] = {}
    conflicting = 0
    for inputs, target in ours:
        conflicting += first.setdefault(inputs, target) != target
    across = sum(inputs in first for inputs, _ in theirs)
    return len(ours), len(theirs), len(ours) - len(first), conflicting, across
