"""Step 3: the learning rate's bracket. Which rates to try next, and the verdict on the trained ones."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

from goodfit.findings import Severity
from goodfit.recipe.rate_classes import RateClass, Rung, drop_at, ladder_of, own_class
from goodfit.recipe.rate_findings import declared_findings, edge_findings, no_stable_rate
from goodfit.recipe.result import StageName, StageResult, Verdict
from goodfit.recipe.runs import Ask, Run
from goodfit.settings.learning_rate import LearningRateSettings
from goodfit.training.trial import Status


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

    def result(self, runs: Sequence[Run], cut: Sequence[str] = ()) -> StageResult:
        """The stage's verdict.

        `next` has `lr`, `lr_max`, `flat_low` and `box` (low, high) for the coarse search; all None where no rate is
        stable. `evidence` has the ladder, lr_star, lr_max, flat_low, the confirmation and the traces of the ends.

        Args:
            runs: those that came to their end.
            cut: the asks that time cut short or left out. No rate that works by then is no verdict on the model.
        """
        if cut and (not runs or _top(self._rungs(runs))[0] is None):
            return _unfinished(cut)
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
            "cut": list(cut),
            "accuracy_rises_while_loss_is_flat": rising,
            "confirmed": [
                {"lr": lr, "stable_share": held, "drop": _or_none(drop_at(runs, lr, self.floor))}
                for lr, held in sorted(confirmed.items())
            ],
        }
        lr_max = max((lr for lr, held in confirmed.items() if held == 1.0), default=None)
        top, bad = _top(rungs)
        if lr_max is None and confirmed and cut:
            confirmed = {}  # lower rates were still to be confirmed
        if top is None or (lr_max is None and confirmed):
            return self._nothing_stable(runs, rungs, evidence)
        if lr_max is None:
            lr_max = top.lr
        star = self._working_rate(runs, rungs, lr_max)
        is_open = bool(cut) and not confirmed and bad is None  # no rate was seen to break
        if is_open:
            star = lr_max
        box = (
            star / settings.box_below,
            settings.box_above * star if is_open else min(settings.box_above * star, lr_max),
        )
        evidence |= {"lr_star": star, "lr_max": lr_max, "box": list(box), "traces": _traces(runs, rungs, lr_max)}
        findings = [
            *edge_findings(runs, lr_max, star, settings, self.floor),
            *declared_findings(self.declared, star, lr_max, flat_low, settings),
        ]
        summary = (
            f"The loss falls well up to a rate of {lr_max:.2g}"
            f"{f', stable over {self.seeds or settings.confirm_seeds} seeds' if confirmed else ''}"
            f"{f'; at {flat_low:.2g} it does not move' if flat_low is not None else ''}: working rate {star:.2g}."
        )
        if is_open:
            summary += " Time was up before a rate was seen to break: the search keeps the usual upper end."
        elif cut:
            summary += " Time was up before the bracket was done: its ends are rough."
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
            next={"lr": star, "lr_max": None if is_open else lr_max, "flat_low": flat_low, "box": box},
        )

    def _working_rate(self, runs: Sequence[Run], rungs: Sequence[Rung], lr_max: float) -> float:
        """The largest stable rate that goes down well, halved where it is the largest stable one itself (3.3)."""
        settings = self.settings
        drops = {run.lr: drop_at(runs, run.lr, self.floor) for run in runs if run.key.startswith("confirm")}
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

    def _nothing_stable(self, runs: Sequence[Run], rungs: Sequence[Rung], evidence: dict[str, object]) -> StageResult:
        broken = next((run for run in runs if run.status is Status.DIVERGED and run.reason), None)
        finding = no_stable_rate(rungs)
        return StageResult(
            stage=StageName.LEARNING_RATE,
            verdict=Verdict.FAIL,
            summary=finding.message,
            findings=(finding,),
            evidence=evidence | {"lr_star": None, "lr_max": None, "reason": "" if broken is None else broken.reason},
            next={"lr": None, "lr_max": None, "flat_low": evidence["flat_low"], "box": None},
        )


def _unfinished(cut: Sequence[str]) -> StageResult:
    """No verdict, for want of time: the search keeps the range that the task declares."""
    return StageResult(
        stage=StageName.LEARNING_RATE,
        verdict=Verdict.SKIP,
        summary=(
            "The budget's share for the first steps was over before a rate was seen to work: this check says nothing, "
            "and the search keeps the declared range of rates."
        ),
        evidence={"ladder": [], "cut": list(cut), "lr_star": None, "lr_max": None, "flat_low": None, "confirmed": []},
        next={"lr": None, "lr_max": None, "flat_low": None, "box": None},
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
