"""What can be had without the network: a constant and a linear model."""

from __future__ import annotations

import dataclasses
import math
import warnings
from collections import Counter

import numpy as np
from torch import Tensor

from goodfit.training.batches import fixed_subset
from goodfit.training.measure.reading import LOOKED_AT, pair_or_none
from goodfit.training.measure.targets import target_kind
from goodfit.training.problem import Problem


@dataclasses.dataclass(frozen=True, slots=True)
class Baseline:
    """What can be had without the network."""

    name: str  # "constant", "linear"
    metric: str  # "accuracy", "R2"
    value: float  # on the validation split
    loss: float | None  # cross-entropy in nats, or squared error
    samples: int  # that it learned from


def baselines_of(
    problem: Problem, table: np.ndarray, labels: np.ndarray, kind: str, samples: int
) -> tuple[Baseline, ...]:
    """A constant and a linear model, learned from the samples looked at and read on as many of the validation split."""
    pair = pair_or_none(problem.val.fetch(fixed_subset(len(problem.val), samples, LOOKED_AT)))
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
