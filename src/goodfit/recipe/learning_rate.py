"""Step 3: the learning rate's bracket. Which rates to try next, and what the trained ones say."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from enum import StrEnum

import numpy as np

from goodfit.findings import Finding, Severity
from goodfit.recipe.result import StageName, StageResult, Verdict
from goodfit.recipe.runs import Ask, Run
from goodfit.settings.learning_rate import LearningRateSettings
from goodfit.training.trial import Status

WHERE = "stage learning-rate"


class RateClass(StrEnum):
    """What a rate does in about 100 steps (recipe 3.2)."""

    NOT_FINITE = "non-finite"
    EXPLODING = "exploding"
    UNSTABLE = "unstable"
    FLAT_LOW = "flat-low"
    FLAT_HIGH = "flat-high"
    FLAT = "flat"  # at every rate: not the rate's fault
    DOWN = "going-down"
    DOWN_WELL = "going-down-well"

    @property
    def is_bad(self) -> bool:
        """Too high, in any of the three shapes."""
        return self in (RateClass.NOT_FINITE, RateClass.EXPLODING, RateClass.UNSTABLE, RateClass.FLAT_HIGH)

    @property
    def is_down(self) -> bool:
        return self in (RateClass.DOWN, RateClass.DOWN_WELL)


@dataclasses.dataclass(frozen=True, slots=True)
class Rung:
    """One rate of the ladder with what became of it."""

    lr: float
    kind: RateClass
    drop: float
    z: float
    accuracy_rises: bool  # while the loss is flat


def own_class(run: Run, settings: LearningRateSettings, *, floor: float = 0.0) -> RateClass:
    """The class of a run by itself; `FLAT` where only its neighbours can tell low from high.

    Source: recipe 3.2.
    """
    losses = run.step_losses
    if not np.isfinite(losses).all() or not math.isfinite(run.last_loss):
        return RateClass.NOT_FINITE
    if run.status is Status.DIVERGED:
        not_finite = any(word in run.reason.lower() for word in ("nan", "inf", "finite"))
        return RateClass.NOT_FINITE if not_finite else RateClass.EXPLODING
    if _exploded(run, settings):
        return RateClass.EXPLODING
    falls = run.fall(floor) >= settings.moved and run.z >= settings.moved_z
    if _unstable(run, settings, falls=falls):
        return RateClass.UNSTABLE
    if falls:
        return RateClass.DOWN
    spiked = len(losses) > 0 and run.first_loss > 0 and float(losses.max()) > settings.spike * _early(run)
    constant = (
        run.spread_before is not None
        and run.spread_after is not None
        and run.spread_after < settings.constant_outputs * run.spread_before
    )
    if spiked or constant or run.dead > settings.dead_units:
        return RateClass.FLAT_HIGH
    if len(run.update_ratios) and float(np.median(run.update_ratios)) < settings.low_ratio:
        return RateClass.FLAT_LOW
    return RateClass.FLAT


def _early(run: Run) -> float:
    """The loss at the start as the step losses have it: the largest of the probe's mean and the first batch's."""
    return max(run.first_loss, float(run.step_losses[0]))


def _exploded(run: Run, settings: LearningRateSettings) -> bool:
    losses = run.step_losses
    if len(losses) == 0:
        return False
    width = min(5, len(losses))
    medians = np.median(np.lib.stride_tricks.sliding_window_view(losses, width), axis=1)
    if run.first_loss > 0 and bool((run.before >= 0).all()):
        limit = settings.explosion * run.first_loss
    else:
        limit = run.first_loss + settings.explosion_sds * float(np.std(run.before))
    return bool(medians.max() > limit) or run.last_loss > limit


def _unstable(run: Run, settings: LearningRateSettings, *, falls: bool) -> bool:
    """A fall that is given back, or gradients that jump above all that came before."""
    losses = run.step_losses
    if len(losses) < 10:
        return False
    width = max(5, len(losses) // 20)
    blocks = losses[: len(losses) // width * width].reshape(-1, width)
    smooth = np.median(blocks, axis=1)
    # A block's median scatters by 1.25 sd/√width; neighbouring steps tell the sd apart from the trend.
    noise = 1.25 * 1.4826 * float(np.median(np.abs(np.diff(losses)))) / math.sqrt(2 * width)
    lowest = int(smooth.argmin())
    start = max(run.first_loss, float(smooth[0])) if math.isfinite(run.first_loss) else float(smooth[0])
    span = start - float(smooth[lowest])
    later = smooth[lowest:]
    rise = float(later.max()) - float(smooth[lowest])
    if span > 0 and rise > settings.rise_sds * noise:
        # Where the whole fall is small, a rise is noise of the minibatches as much as anything.
        real = span > max(settings.moved * abs(start), settings.rise_sds * noise)
        if real and rise > settings.rise * span and rise > 0.02 * abs(start):
            return True
        end = float(smooth[-1]) - float(smooth[lowest])
        if real and end > settings.upper_half * span:
            return True
    peaks = 0
    norms = run.grad_norms
    if len(norms) >= 10 and np.isfinite(norms).all():
        top = float(norms[:5].max())
        for i in range(5, len(norms)):
            before = float(np.median(norms[max(0, i - 20) : i]))
            # Above the first gradients as well: near the end of a fit all norms are small and one odd batch stands out.
            peaks += norms[i] > settings.gradient_peak * before and norms[i] > 2 * top
    return peaks >= settings.gradient_peaks and not (falls and run.fall() > 0.5)


def ladder_of(runs: Sequence[Run], settings: LearningRateSettings, *, floor: float = 0.0) -> tuple[Rung, ...]:
    """The rates in order with their classes; a flat rate is low or high by its own signs, else by its neighbours.

    Runs of several seeds of one rate are one rung, with the worst class of theirs.
    """
    by_rate: dict[float, list[Run]] = {}
    for run in runs:
        by_rate.setdefault(run.lr, []).append(run)
    found = []
    for lr, group in sorted(by_rate.items()):
        kinds = [own_class(run, settings, floor=floor) for run in group]
        worst = min(kinds, key=list(RateClass).index)
        falls = [run.fall(floor) for run in group]
        found.append((lr, worst, float(np.median(falls)), float(np.median([run.z for run in group])), group))
    moving = [lr for lr, kind, *_ in found if kind.is_down]
    stable_falls = [fall for _, kind, fall, *_ in found if kind.is_down]
    best = max(stable_falls, default=0.0)
    rungs = []
    for lr, own, fall, z, group in found:
        kind = own
        rises = any(run.accuracy_z > settings.accuracy_sds for run in group)
        if kind is RateClass.FLAT:
            lower, higher = any(m < lr for m in moving), any(m > lr for m in moving)
            if higher and not lower:
                kind = RateClass.FLAT_LOW
            elif lower and not higher:
                kind = RateClass.FLAT_HIGH
            elif lower and higher:
                kind = RateClass.UNSTABLE
            elif rises or any(k.is_bad for other, k, *_ in found if other > lr):
                kind = RateClass.FLAT_LOW
        elif kind is RateClass.DOWN and fall >= settings.well * best:
            kind = RateClass.DOWN_WELL
        flat = kind in (RateClass.FLAT, RateClass.FLAT_LOW)
        rungs.append(Rung(lr, kind, fall, z, flat and rises))
    return tuple(rungs)


@dataclasses.dataclass(frozen=True)
class Bracket:
    """The plan of recipe 3.3 as a function of the runs so far: ladder, ends, bisection, confirmation over seeds.

    Attributes:
        settings: its numbers.
        floor: the loss's floor where it is known.
        declared: the range that the user's space declares, to be held against what is found.
        steps: of a ladder's run; None: the settings'. Fewer where the budget is small.
        confirm_steps: of a confirming run; None: the settings'.
        seeds: of the confirmation; None: the settings'.
    """

    settings: LearningRateSettings
    floor: float = 0.0
    declared: tuple[float, float] | None = None
    steps: int | None = None
    confirm_steps: int | None = None
    seeds: int | None = None

    @property
    def _steps(self) -> int:
        return self.steps or self.settings.steps

    def next_ask(self, runs: Sequence[Run]) -> Ask | None:
        """What to train next; None when the bracket is done."""
        settings = self.settings
        if not runs:
            return self._ladder_ask(settings.ladder, "ladder")
        rungs = self._rungs(runs)
        more = self._ends_missing(rungs)
        if more:
            return self._ladder_ask(more, f"extend-{len(rungs)}")
        if not any(rung.kind.is_down for rung in rungs):
            return None
        between = self._between(rungs)
        if between:
            return self._ladder_ask(between, f"bisect-{len(rungs)}")
        return self._confirm_ask(runs, rungs)

    def _ladder_ask(self, rates: Sequence[float], key: str) -> Ask:
        return Ask(
            key=key, about=f"{len(rates)} rates × {self._steps} steps", rates=tuple(sorted(rates)), steps=self._steps
        )

    def _rungs(self, runs: Sequence[Run]) -> tuple[Rung, ...]:
        return ladder_of([run for run in runs if not run.key.startswith("confirm")], self.settings, floor=self.floor)

    def _ends_missing(self, rungs: Sequence[Rung]) -> list[float]:
        """Rates below and above the ladder, as long as an end is missing: one that does nothing, one that breaks."""
        settings, more = self.settings, []
        lowest, highest = rungs[0], rungs[-1]
        down = [rung for rung in rungs if rung.kind.is_down]
        if lowest.kind not in (RateClass.FLAT_LOW, RateClass.FLAT) or not (down or highest.kind.is_bad):
            more += [
                lr
                for i in range(1, settings.extend_rungs + 1)
                if (lr := lowest.lr / settings.extend**i) >= settings.lowest * 0.999
            ]
        if lowest.kind in (RateClass.FLAT_LOW, RateClass.FLAT) and not down:
            more = []  # nothing below what does nothing
        if not highest.kind.is_bad:
            more += [
                lr
                for i in range(1, settings.extend_rungs + 1)
                if (lr := highest.lr * settings.extend**i) <= settings.highest * 1.001
            ]
        # With only flat and bad rungs the answer may lie between two of them.
        if not more and not down:
            more = self._gap(rungs)
        known = [rung.lr for rung in rungs]
        return [lr for lr in more if not any(math.isclose(lr, other, rel_tol=1e-6) for other in known)]

    def _gap(self, rungs: Sequence[Rung]) -> list[float]:
        """Rates between the highest flat-low and the lowest bad rung, to the bisection's fineness."""
        low = max((r.lr for r in rungs if r.kind in (RateClass.FLAT_LOW, RateClass.FLAT)), default=None)
        high = min((r.lr for r in rungs if r.kind.is_bad), default=None)
        if low is None or high is None or high <= low:
            return []
        return _inside(low, high, self.settings.bisect)

    def _between(self, rungs: Sequence[Rung]) -> list[float]:
        """Rates that divide the step from the last stable to the first bad one to the bisection's fineness."""
        top, bad = _top(rungs)
        if top is None or bad is None:
            return []
        return _inside(top.lr, bad.lr, self.settings.bisect)

    def _confirm_ask(self, runs: Sequence[Run], rungs: Sequence[Rung]) -> Ask | None:
        """Several of the highest rates over seeds; lower ones if none of them holds, higher ones if all do."""
        settings = self.settings
        seeds = tuple(range(self.seeds or settings.confirm_seeds))
        confirmed = _confirmed(runs, settings, self.floor)
        rounds = len({run.key for run in runs if run.key.startswith("confirm")})
        top, bad = _top(rungs)
        assert top is not None
        if not confirmed:
            start = bad.lr if bad is not None else top.lr
            rates = _descending(start, settings.bisect, settings.confirm_rungs + (bad is not None))
        else:
            stable = [lr for lr, held in confirmed.items() if held == 1.0]
            lowest, highest = min(confirmed), max(confirmed)
            if rounds >= settings.confirm_rounds:
                return None
            if not stable and lowest / settings.bisect >= settings.lowest:
                rates = _descending(lowest / settings.bisect, settings.bisect, settings.confirm_rungs)
            elif highest in stable and highest * settings.bisect <= settings.highest:
                rates = [highest * settings.bisect, highest * settings.bisect**2]
            else:
                return None
        steps = self.confirm_steps or settings.confirm_steps
        return Ask(
            key=f"confirm-{rounds + 1}",
            about=f"{len(rates)} rates × {len(seeds)} seeds × {steps} steps",
            rates=tuple(sorted(rates)),
            seeds=seeds,
            steps=steps,
        )

    def result(self, runs: Sequence[Run]) -> StageResult:
        """The stage's verdict.

        `next` has `lr`, `lr_max`, `flat_low` and `box` (low, high) for the coarse search; all None where no rate is
        stable. `evidence` has the ladder, lr_star, lr_max, flat_low, the confirmation and the traces of the ends.
        """
        if not runs:
            raise ValueError("the bracket has no runs to judge")
        settings = self.settings
        rungs = self._rungs(runs)
        confirmed = _confirmed(runs, settings, self.floor)
        flat_low = max((rung.lr for rung in rungs if rung.kind is RateClass.FLAT_LOW), default=None)
        rising = [rung.lr for rung in rungs if rung.accuracy_rises]
        evidence: dict[str, object] = {
            "ladder": [
                {"lr": rung.lr, "class": str(rung.kind), "drop": _or_none(rung.drop), "z": _or_none(rung.z)}
                for rung in rungs
            ],
            "flat_low": flat_low,
            "accuracy_rises_while_loss_is_flat": rising,
            "confirmed": [
                {"lr": lr, "stable_share": held, "drop": _or_none(_drop_at(runs, lr, self.floor))}
                for lr, held in sorted(confirmed.items())
            ],
        }
        lr_max = max((lr for lr, held in confirmed.items() if held == 1.0), default=None)
        top, _ = _top(rungs)
        if top is None or (lr_max is None and confirmed):
            return self._nothing_stable(runs, rungs, evidence)
        if lr_max is None:
            lr_max = top.lr
        star = self._working_rate(runs, rungs, lr_max)
        box = (star / settings.box_below, min(settings.box_above * star, lr_max))
        evidence |= {"lr_star": star, "lr_max": lr_max, "box": list(box), "traces": _traces(runs, rungs, lr_max)}
        findings = [*self._edge(runs, lr_max, star), *self._declared_range(star, lr_max, flat_low)]
        summary = (
            f"The loss falls well up to a rate of {lr_max:.2g}"
            f"{f', stable over {self.seeds or settings.confirm_seeds} seeds' if confirmed else ''}"
            f"{f'; at {flat_low:.2g} it does not move' if flat_low is not None else ''}: working rate {star:.2g}."
        )
        if rising:
            summary += (
                f" At {', '.join(f'{lr:.0e}' for lr in rising)} the accuracy rises while the loss is flat: scores move "
                "just enough to change the arg-max, so those rates are too low, not broken."
            )
        loud = any(finding.severity is not Severity.INFO for finding in findings)
        return StageResult(
            stage=StageName.LEARNING_RATE,
            verdict=Verdict.WARN if loud else Verdict.PASS,
            summary=summary,
            findings=tuple(findings),
            evidence=evidence,
            next={"lr": star, "lr_max": lr_max, "flat_low": flat_low, "box": box},
        )

    def _working_rate(self, runs: Sequence[Run], rungs: Sequence[Rung], lr_max: float) -> float:
        """The largest stable rate that goes down well, halved where it is the largest stable one itself (3.3)."""
        settings = self.settings
        drops = {run.lr: _drop_at(runs, run.lr, self.floor) for run in runs if run.key.startswith("confirm")}
        # A rate above one that broke with some seed was lucky: it may be the largest stable one, but not the choice.
        confirming = [run for run in runs if run.key.startswith("confirm")]
        bad = [run.lr for run in confirming if own_class(run, settings, floor=self.floor).is_bad]
        broke = min(bad, default=math.inf)
        stable = {lr: drop for lr, drop in drops.items() if lr < min(broke, lr_max * 1.001) and math.isfinite(drop)}
        if not stable:
            stable = {
                rung.lr: rung.drop for rung in rungs if rung.kind.is_down and rung.lr < min(broke, lr_max * 1.001)
            }
        if not stable:
            return lr_max / settings.below_max
        best = max(stable.values())
        well = max(lr for lr, drop in stable.items() if drop >= settings.well * best)
        return well / settings.below_max if well >= lr_max * 0.999 else well

    def _edge(self, runs: Sequence[Run], lr_max: float, star: float) -> list[Finding]:
        drops = {run.lr: _drop_at(runs, run.lr, self.floor) for run in runs if run.lr <= lr_max * 1.001}
        near = [drop for lr, drop in drops.items() if lr <= star * 1.3 and math.isfinite(drop)]
        at_edge = drops.get(lr_max, math.nan)
        if not near or not math.isfinite(at_edge) or at_edge <= self.settings.edge_lead * max(max(near), 1e-9):
            return []
        return [
            Finding(
                kind="learning-rate-at-edge",
                message=(
                    f"The loss falls fastest at the edge of stability: {100 * at_edge:.0f} % at {lr_max:.2g}, "
                    f"{100 * max(near):.0f} % at half of it."
                ),
                action="Try warm-up, gradient clipping or a normalisation: with them a higher rate may hold.",
                evidence={"lr_max": lr_max, "drop_at_max": at_edge, "drop_below": max(near)},
                where=WHERE,
                confidence=0.6,
            )
        ]

    def _declared_range(self, star: float, lr_max: float, flat_low: float | None) -> list[Finding]:
        """The user's own range held against the bracket."""
        if self.declared is None:
            return []
        low, high = self.declared
        evidence = {"declared": [low, high], "lr_star": star, "lr_max": lr_max, "flat_low": flat_low}
        if low > lr_max:
            return [
                Finding(
                    kind="lr-too-high",
                    message=(
                        f"The space's learning rates, {low:.2g} to {high:.2g}, all lie above {lr_max:.2g}, the largest "
                        "that is stable."
                    ),
                    action=f"Move the range to about {star / self.settings.box_below:.1g} to {lr_max:.2g}.",
                    evidence=evidence,
                    where=WHERE,
                    confidence=0.95,
                )
            ]
        if high < star / self.settings.box_below:
            return [
                Finding(
                    kind="lr-too-low",
                    message=(
                        f"The space's learning rates, {low:.2g} to {high:.2g}, all lie more than "
                        f"{self.settings.box_below:g} times below the working rate of {star:.2g}."
                    ),
                    action=f"Move the range to about {star / self.settings.box_below:.1g} to {lr_max:.2g}.",
                    evidence=evidence,
                    where=WHERE,
                    confidence=0.9,
                )
            ]
        return []

    def _nothing_stable(self, runs: Sequence[Run], rungs: Sequence[Rung], evidence: dict[str, object]) -> StageResult:
        bad = [rung for rung in rungs if rung.kind.is_bad]
        flat = [rung for rung in rungs if rung.kind in (RateClass.FLAT, RateClass.FLAT_LOW)]
        span = f"{rungs[0].lr:.0e} to {rungs[-1].lr:.0e}"
        if bad and flat:
            why = f"up to {flat[-1].lr:.2g} the loss does not move, from {bad[0].lr:.2g} on it breaks"
            action = "Check the initialisation and the scale of the inputs; then warm-up or clipping."
        elif bad:
            why = "it breaks at every one of them"
            action = "Check the initialisation, the scale of inputs and targets, and log, sqrt or division by zero."
        else:
            why = "it does not move at any of them"
            action = "Go back to the overfitting step: it is not the rate that is wrong."
        broken = next((run for run in runs if run.status is Status.DIVERGED and run.reason), None)
        evidence |= {"lr_star": None, "lr_max": None, "reason": broken.reason if broken is not None else ""}
        finding = Finding(
            kind="no-stable-learning-rate",
            message=f"Of {len(rungs)} rates from {span} none makes the loss fall without breaking: {why}.",
            action=action,
            evidence={"rates": [rung.lr for rung in rungs], "classes": [str(rung.kind) for rung in rungs]},
            where=WHERE,
            confidence=0.95,
        )
        return StageResult(
            stage=StageName.LEARNING_RATE,
            verdict=Verdict.FAIL,
            summary=finding.message,
            findings=(finding,),
            evidence=evidence,
            next={"lr": None, "lr_max": None, "flat_low": evidence["flat_low"], "box": None},
        )


def _top(rungs: Sequence[Rung]) -> tuple[Rung | None, Rung | None]:
    """The highest rate that goes down with only bad ones above it, and the lowest of those; None where there is none.

    One bad rung among good ones is a matter for the confirmation.
    """
    down = [rung for rung in rungs if rung.kind.is_down]
    if not down:
        return None, None
    top = down[-1]
    return top, next((rung for rung in rungs if rung.lr > top.lr), None)


def _inside(low: float, high: float, fineness: float) -> list[float]:
    """Rates strictly between two, evenly in the logarithm, so that neighbours differ by at most `fineness`."""
    pieces = math.ceil(math.log(high / low) / math.log(fineness) - 1e-9)
    return [low * (high / low) ** (i / pieces) for i in range(1, pieces)]


def _descending(start: float, factor: float, count: int) -> list[float]:
    return [start / factor**i for i in range(count)]


def _confirmed(runs: Sequence[Run], settings: LearningRateSettings, floor: float) -> dict[float, float]:
    """Share of the seeds that a rate was stable with and went down, by rate."""
    held: dict[float, list[bool]] = {}
    for run in runs:
        if run.key.startswith("confirm"):
            held.setdefault(run.lr, []).append(own_class(run, settings, floor=floor).is_down)
    return {lr: sum(flags) / len(flags) for lr, flags in held.items()}


def _drop_at(runs: Sequence[Run], lr: float, floor: float) -> float:
    """The median fall over the confirming seeds of a rate, else over its ladder's runs."""
    at = [run for run in runs if run.lr == lr]
    confirming = [run for run in at if run.key.startswith("confirm")]
    falls = [run.fall(floor) for run in (confirming or at)]
    return float(np.median(falls)) if falls else math.nan


def _traces(runs: Sequence[Run], rungs: Sequence[Rung], lr_max: float, most: int = 100) -> list[dict[str, object]]:
    """The loss traces that show the bracket: the rate that does nothing, the largest stable, the first that breaks."""
    low = [rung for rung in rungs if rung.kind in (RateClass.FLAT_LOW, RateClass.FLAT)]
    bad = [rung for rung in rungs if rung.kind.is_bad and rung.lr > lr_max]
    wanted = [("does nothing", low[-1].lr if low else None), ("largest stable", lr_max)]
    wanted.append(("breaks", bad[0].lr if bad else None))
    traces = []
    for what, lr in wanted:
        run = next((run for run in runs if lr is not None and math.isclose(run.lr, lr, rel_tol=1e-9)), None)
        if run is not None:
            every = max(1, len(run.step_losses) // most)
            traces.append({"what": what, "lr": run.lr, "losses": run.step_losses[::every].tolist(), "every": every})
    return traces


def _or_none(value: float) -> float | None:
    return value if math.isfinite(value) else None
