"""A reading as a person reads it under the plot."""

from __future__ import annotations

from goodfit.diagnosis.curves import Curves
from goodfit.diagnosis.levels import last_step, level, training_loss
from goodfit.diagnosis.reading import Reading
from goodfit.diagnosis.statistics import finite
from goodfit.settings.curves import CurveSettings


def reading_in_words(curves: Curves, reading: Reading) -> str:
    """One short paragraph: where the training ended, the verdict, what to do, and what else was seen."""
    parts = [_where_it_ended(curves), reading.verdict.message, reading.verdict.action]
    if reading.others:
        also = ", ".join(f"{finding.kind.replace('-', ' ')} ({finding.confidence:.0%})" for finding in reading.others)
        parts.append(f"Also seen: {also}.")
    return " ".join(part for part in parts if part)


def _where_it_ended(curves: Curves) -> str:
    settings = CurveSettings()
    train, val = training_loss(curves, settings), finite(curves.val_loss)
    levels = []
    if len(train):
        levels.append(f"training loss {level(train):.4g}")
    if len(val):
        levels.append(f"validation loss {level(val):.4g}")
    for split, series in (("training", finite(curves.train_metric)), ("validation", finite(curves.val_metric))):
        if len(series):
            levels.append(f"{split} {curves.metric or 'metric'} {level(series):.4g}")
    if not levels:
        return ""
    unit = "epochs" if curves.steps_per_epoch == 1 else "steps"
    return f"After {last_step(curves):.0f} {unit}: {', '.join(levels)}."
