"""What the data stage reads: what inputs and targets look like, copies, telltale columns, baselines, independence."""

from __future__ import annotations

import dataclasses
import math
import warnings
from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase

from goodfit.training.faults import telling
from goodfit.training.measure import WHAT, built, fixed_subset, pair_or_none, probing, quiet, row_bytes, tensors_of
from goodfit.training.problem import Batch, Problem, Split
from goodfit.training.splits import seeded


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
class Column:
    """How much of the target one input column settles."""

    column: int  # of the flattened input
    explained: float  # share of variance: r² for real targets, between classes for class targets
    next_explained: float  # the same of the next best column
    of_class: int | None = None  # the column is the indicator of this class


@dataclasses.dataclass(frozen=True, slots=True)
class Baseline:
    """What can be had without the network."""

    name: str  # "constant", "linear"
    metric: str  # "accuracy", "R2"
    value: float  # on the validation split
    loss: float | None  # cross-entropy in nats, or squared error
    samples: int  # that it learned from


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
    batch = problem.train.fetch(fixed_subset(problem.train, samples))
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
            baselines = _baselines(problem, table, labels, kind, samples)
    counts: tuple[int, ...] = ()
    if labels is not None and kind in ("classes", "binary"):
        counts = tuple(np.unique(labels, return_counts=True)[1].tolist())
    copies = _copies(problem.train, problem.val, hashed)
    fed_mean, fed_sd = _fed(problem, hyperparameters, seed, plain)
    mixing, reason = _mixing(problem, hyperparameters, seed, independence)
    if reason:
        skipped.append(f"batch independence: {reason}")
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
        skipped=tuple(skipped),
    )


def target_kind(target: Any) -> tuple[str, np.ndarray | None]:
    """What targets are, and as numbers [n] where one per sample says it all (class numbers or real values)."""
    if not isinstance(target, Tensor) or target.ndim == 0:
        return "unknown", None
    values = target.detach().cpu()
    flat = values.reshape(len(values), -1)
    if not values.is_floating_point():
        if flat.shape[1] > 1:
            return "sequence", None
        numbers = flat[:, 0].numpy().astype(np.int64)
        many = len(np.unique(numbers)) > max(2, len(numbers) // 2)
        return ("real", numbers.astype(np.float64)) if many else ("classes", numbers)
    if not bool(values.isfinite().all()):
        return "unknown", None
    zero_one = bool(((flat == 0) | (flat == 1)).all())
    if flat.shape[1] == 1:
        numbers = flat[:, 0].double().numpy()
        return ("binary", numbers.astype(np.int64)) if zero_one else ("real", numbers)
    if zero_one and bool((flat.sum(dim=1) == 1).all()):
        return "classes", flat.argmax(dim=1).numpy()
    return ("multi-label" if zero_one else "sequence"), None


def telltale_columns(table: np.ndarray, labels: np.ndarray, *, classes: bool, most: int = 3) -> tuple[Column, ...]:
    """The columns that settle the target best, each with the share of variance it explains.

    For classes the share is the column's variance between classes (the correlation ratio η²): it is near 1 only where
    the column is a function of the class, so that a feature that merely separates classes well stays below. Where
    every class but one has a column of its own that is its indicator, these columns are listed instead.

    Args:
        table: inputs, float64 [n, columns].
        labels: class numbers or real targets, [n].
        classes: which of them.
        most: columns listed.
    """
    centred = table - table.mean(axis=0)
    total = (centred**2).sum(axis=0)
    varies = total > 1e-12 * np.maximum(1.0, (table**2).sum(axis=0))
    safe = np.where(varies, total, 1.0)
    if not classes:
        values = labels - labels.mean()
        spread = float((values**2).sum())
        explained = (centred.T @ values) ** 2 / (safe * spread) if spread > 0 else np.zeros(table.shape[1])
    else:
        numbers, where, counts = np.unique(labels, return_inverse=True, return_counts=True)
        if len(numbers) < 2 or counts.min() * 1.0 < 1 or len(numbers) > len(labels) // 3:
            return ()
        onehot = np.zeros((len(labels), len(numbers)))
        onehot[np.arange(len(labels)), where] = 1.0
        sums = onehot.T @ centred  # [classes, columns]
        explained = (sums**2 / counts[:, None]).sum(axis=0) / safe
        indicators = _indicators(onehot, sums, counts, np.where(varies, total, np.inf), len(labels))
        if len(numbers) > 2 and len(indicators) >= len(numbers) - 1:
            return tuple(Column(c, float(r2), 0.0, int(numbers[k])) for k, (c, r2) in sorted(indicators.items()))[:most]
    explained = np.where(varies, np.minimum(explained, 1.0), 0.0)
    order = np.argsort(-explained, kind="stable")
    return tuple(
        Column(int(c), float(explained[c]), float(explained[order[i + 1]]) if i + 1 < len(order) else 0.0)
        for i, c in enumerate(order[:most])
    )


def _indicators(
    onehot: np.ndarray, sums: np.ndarray, counts: np.ndarray, total: np.ndarray, n: int
) -> dict[int, tuple[int, float]]:
    """Per class the column that is its indicator: squared correlation of one against the rest is nearly 1."""
    r2 = sums**2 / (total[None, :] * (counts * (1 - counts / n))[:, None])
    best = r2.argmax(axis=1)
    return {k: (int(c), float(r2[k, c])) for k, c in enumerate(best) if r2[k, c] >= 0.98}


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
    for part in fixed_subset(split, most, salt=2).split(chunk):
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


def _baselines(
    problem: Problem, table: np.ndarray, labels: np.ndarray, kind: str, samples: int
) -> tuple[Baseline, ...]:
    """A constant and a linear model, learned from the samples looked at and read on as many of the validation split."""
    pair = pair_or_none(problem.val.fetch(fixed_subset(problem.val, samples)))
    if pair is None or not isinstance(pair[0], Tensor):
        return ()
    val_kind, val_labels = target_kind(pair[1])
    val_table = pair[0].double().flatten(1).cpu().numpy()
    if val_labels is None or val_table.shape[1] != table.shape[1] or not np.isfinite(val_table).all():
        return ()
    if (kind == "real") != (val_kind == "real"):
        labels, val_labels = labels.astype(np.float64), val_labels.astype(np.float64)
        kind = "real"
    sd = table.std(axis=0)
    scaled = [(one - table.mean(axis=0)) / np.where(sd > 1e-12, sd, 1.0) for one in (table, val_table)]
    n = len(labels)
    if kind == "real":
        from sklearn.linear_model import Ridge

        variance = float(val_labels.var())
        if variance == 0:
            return ()
        guess = Ridge(alpha=1.0).fit(scaled[0], labels).predict(scaled[1])
        constant, linear = (float(((val_labels - one) ** 2).mean()) for one in (labels.mean(), guess))
        return (
            Baseline("constant", "R2", 1 - constant / variance, constant, n),
            Baseline("linear", "R2", 1 - linear / variance, linear, n),
        )
    counts = Counter(labels.tolist())
    if len(counts) < 2:
        return ()
    from sklearn.linear_model import LogisticRegression

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a baseline need not converge
        model = LogisticRegression(max_iter=50, C=0.1).fit(scaled[0], labels)
        chances = model.predict_proba(scaled[1])
    known = np.isin(val_labels, model.classes_)
    at = np.searchsorted(model.classes_, val_labels[known])
    loss = float(-np.log(np.maximum(chances[known][np.arange(len(at)), at], 1e-12)).mean()) if len(at) else None
    prior = {label: count / n for label, count in counts.items()}
    floor = 1.0 / (n + len(prior))
    guess = counts.most_common(1)[0][0]
    return (
        Baseline(
            "constant",
            "accuracy",
            float((val_labels == guess).mean()),
            float(-np.mean([math.log(prior.get(label, floor)) for label in val_labels.tolist()])),
            n,
        ),
        Baseline("linear", "accuracy", float((model.classes_[chances.argmax(axis=1)] == val_labels).mean()), loss, n),
    )


def _mixing(problem: Problem, hyperparameters: Mapping[str, Any], seed: int, count: int) -> tuple[float | None, str]:
    """How much the outputs of the other samples change when one sample is exchanged, in eval mode.

    The recipe asks for a gradient of zero from output i to input j; exchanging sample j asks the same of the function
    itself, and serves tokens, dictionaries and detached graphs as well.
    """
    if problem.loss.of_model:
        return None, "the loss is of (model, batch), so outputs are not seen"
    if len(problem.train) < count + 1:
        return None, f"fewer than {count + 1} samples"
    pair = pair_or_none(problem.train.fetch(fixed_subset(problem.train, count + 1)))
    if pair is None:
        return None, "the batches are no pairs"
    model = built(problem, hyperparameters, seed).eval()
    if any(isinstance(module, _NormBase) and module.running_mean is None for module in model.modules()):
        return None, "a normalisation without running statistics mixes samples by design"
    base = _rows(pair[0], torch.arange(count))
    before = _output(model, base)
    if before is None or len(before) != count:
        return None, "the outputs are not one row for each sample"
    scale = float(before.std(correction=0)) or 1.0
    if not math.isfinite(scale):
        return None, "the outputs are not finite"
    worst = 0.0
    for j in (0, count // 2, count - 1):
        order = torch.arange(count)
        order[j] = count  # the spare sample takes its place
        after = _output(model, _rows(pair[0], order))
        if after is None:
            return None, "the outputs are no tensor"
        others = torch.arange(count) != j
        worst = max(worst, float((after - before)[others].abs().max()) / scale)
    return worst, ""


def _fed(
    problem: Problem, hyperparameters: Mapping[str, Any], seed: int, inputs: Tensor | None
) -> tuple[float | None, float | None]:
    """Mean and sd of the tensor that the first linear, convolutional or recurrent layer is given."""
    if inputs is None or problem.loss.of_model:
        return None, None
    model = built(problem, hyperparameters, seed)
    fed: list[Tensor] = []

    def look(_: nn.Module, given: tuple[Any, ...]) -> None:
        if not fed and given and isinstance(given[0], Tensor) and given[0].is_floating_point():
            fed.append(given[0].detach().double())

    for module in model.modules():
        weighted = any(parameter.ndim > 1 for parameter in module.parameters(recurse=False))
        if weighted and not isinstance(module, nn.Embedding):
            module.register_forward_pre_hook(look)
    with telling(WHAT), torch.no_grad(), probing(model), quiet():
        model(inputs)
    if not fed or not bool(fed[0].isfinite().all()):
        return None, None
    return float(fed[0].mean()), float(fed[0].std(correction=0))


def _rows(inputs: Batch, rows: Tensor) -> Batch:
    if isinstance(inputs, Tensor):
        return inputs[rows.to(inputs.device)]
    if isinstance(inputs, Mapping):
        return {key: _rows(item, rows) for key, item in inputs.items()}
    if isinstance(inputs, (tuple, list)):
        return type(inputs)(_rows(item, rows) for item in inputs)
    return inputs


def _output(model: nn.Module, inputs: Any) -> Tensor | None:
    with telling(WHAT), torch.no_grad(), seeded(0), quiet():
        output = model(inputs)
    return output.double().cpu() if isinstance(output, Tensor) and output.ndim > 0 else None
