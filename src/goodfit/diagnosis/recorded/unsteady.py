"""Row 6 and 13: a loss that goes up and down, was thrown up, or rose again."""

from __future__ import annotations

import numpy as np

from goodfit.diagnosis.curves import Curves
from goodfit.diagnosis.levels import place
from goodfit.diagnosis.shape import Fall, Shape, shape_of
from goodfit.diagnosis.statistics import finite
from goodfit.findings import Finding
from goodfit.settings.curves import CurveSettings

_LOWER = "Divide the learning rate by 3 to 10; if that does not calm it, clip gradients."


def oscillates(curves: Curves, settings: CurveSettings) -> Finding | None:
    """The loss moves up and down at a poor level without net progress, or settled poorly after a blow at the start."""
    shape = shape_of(curves, settings)
    main = shape.main
    if main is None or len(main.series) < settings.recorded_points:
        return None
    return _thrown(curves, shape, settings) or _up_and_down(curves, shape, settings) or _rose(curves, shape, settings)


def _steady(shape: Shape) -> list[Fall]:
    """The series whose jitter is the parameters' and not the batches'."""
    return [f for f in (None if shape.is_minibatch else shape.train, shape.val) if f is not None]


def _thrown(curves: Curves, shape: Shape, settings: CurveSettings) -> Finding | None:
    """The first loss lies far above where it settled, and it settled unsteadily."""
    main = shape.main
    assert main is not None
    top = float(main.series.values.max())
    level = max(abs(main.end), 1e-12)
    calm = [f for f in _steady(shape) if f.jitter < settings.recorded_shake * max(abs(f.end), 1e-12) or f.rises < 0.3]
    blown = settings.explosion_factor * (shape.guess if shape.guess_known else settings.recorded_blown * level)
    if top <= max(blown, settings.explosion_factor * level):
        return None
    if shape.guess_known and shape.progress(main) >= 0.5:
        return None
    late = np.diff(main.series.values[len(main.series) // 2 :])
    rough = not shape.is_minibatch and main.jitter > settings.recorded_shake * level
    restless = rough and float(late.clip(0).sum()) > 0.25 * float(np.abs(late).sum())
    no_better = shape.metric is not None and shape.metric.end > shape.metric.first - 0.02
    if shape.metric is not None and curves.best_metric == 1.0 and -shape.metric.end < 0.5:
        no_better = no_better or shape.metric.end > shape.metric.first - 0.1  # and poor
    unsteady = restless or no_better or len(calm) < len(_steady(shape))
    if not shape.guess_known and (_is_good(curves, shape) or not unsteady or top < settings.recorded_impossible):
        return None
    if not restless and not no_better and main.fell_since(0.5) > 0.1 * level:
        return None  # it comes down calmly from a bad start
    at = float(main.series.steps[int(main.series.values.argmax())])
    return Finding(
        kind="lr-too-high",
        message=(
            f"Training was thrown off: the loss stood at {top:.4g} at {place(curves, at)} and settled at "
            f"{main.end:.4g}, where it gets no further."
        ),
        action=_LOWER,
        evidence={"shape": "thrown onto a plateau", "highest": top, "highest_at": at, "last": main.end},
        where=place(curves, at),
        confidence=0.8,
    )


def _is_good(curves: Curves, shape: Shape) -> bool:
    """Whether the model is good by its metric: then nothing was thrown off for long."""
    if shape.metric is None or curves.best_metric != 1.0:
        return False
    return -shape.metric.end > 0.8


def _up_and_down(curves: Curves, shape: Shape, settings: CurveSettings) -> Finding | None:
    steady = _steady(shape)
    if not steady:
        return None
    scale = max(abs(shape.guess), 1e-12)
    main = shape.main
    assert main is not None
    for fall in steady:
        share = fall.jitter / scale
        # validation alone may jitter for want of samples or because the model is sure of itself
        least = settings.recorded_swing if fall is shape.train else 2 * settings.recorded_swing
        if share < least or fall.jitter < settings.recorded_shake * max(abs(fall.end), 1e-12):
            return None
    if sum(fall.rises for fall in steady) / len(steady) < settings.recorded_rises:
        return None
    if shape.progress(main) > settings.recorded_fitted or (_is_good(curves, shape) and shape.progress(main) > 0.7):
        return None
    val = shape.val
    if val is not None and val.end - val.lowest > 3 * val.jitter and (shape.train is None or shape.train.z < -3):
        return None  # validation has turned while training goes on: overfitting tells more
    late = main.fell_since(0.4)
    if late > 3 * steady[0].jitter and late > 0.1 * scale:
        return None  # it does get somewhere
    shake = steady[0].jitter
    return Finding(
        kind="lr-too-high",
        message=(
            f"The loss goes up and down by about {shake:.3g} from point to point ({shake / scale:.0%} of what guessing "
            f"loses) around {main.end:.4g} and gets no further."
        ),
        action=_LOWER,
        evidence={
            "shape": "oscillating",
            "amplitude": shake,
            "share_of_guessing": shake / scale,
            "rises": steady[0].rises,
            "level": main.end,
        },
        confidence=0.8 if len(steady) > 1 else 0.6,
    )


def _rose(curves: Curves, shape: Shape, settings: CurveSettings) -> Finding | None:
    """The training loss fell, then rose again by a good part of the fall and stayed up."""
    train = shape.train
    if train is None or len(finite(curves.train_loss)) + len(finite(curves.step_loss)) < settings.points:
        return None
    fallen = float(train.series.values[:3].max()) - train.lowest
    rise = train.end - train.lowest
    before = train.series.values[train.series.steps <= train.lowest_at]
    if (
        fallen < settings.plateau_fall * max(abs(shape.guess), 1e-12)
        or rise <= settings.unstable_rise * fallen
        or rise <= settings.unstable_sigmas * train.jitter
        or len(before) < 2
    ):
        return None
    return Finding(
        kind="lr-too-high",
        message=(
            f"Training is unstable: the loss fell to {train.lowest:.4g} by {place(curves, train.lowest_at)}, "
            f"then went up again by {rise:.4g} ({rise / fallen:.0%} of the fall) and ended at {train.end:.4g}."
        ),
        action=_LOWER,
        evidence={
            "shape": "unstable",
            "lowest": train.lowest,
            "lowest_at": train.lowest_at,
            "rise": rise,
            "fall": fallen,
        },
        where=place(curves, train.lowest_at),
        confidence=0.7,
    )
