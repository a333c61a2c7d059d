"""Step 2: can this model learn a tiny sample by heart? Which trainings to try, and what they say."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Mapping, Sequence

import numpy as np

from goodfit.findings import Finding, Severity
from goodfit.recipe.overfit_findings import (
    CAPACITY,
    cannot_overfit,
    initialisation,
    several_batches,
    structural,
    without_inputs,
    worse_in_eval_mode,
    wrong_gradients,
)
from goodfit.recipe.overfit_words import summary_of
from goodfit.recipe.result import StageName, StageResult, Verdict
from goodfit.recipe.runs import Ask, Run
from goodfit.settings.overfit import OverfitSettings
from goodfit.training.measure.flow import GradientFlow
from goodfit.training.measure.gradients import HandWritten
from goodfit.training.measure.sample import SampleMeasured
from goodfit.training.trial import Status

APART = ("zeroed", "batches", "eval-mode")  # asks that follow once the sample is learned
ADAPTIVE = ("adam", "adamw", "nadam", "radam", "rmsprop", "adagrad", "lion")


@dataclasses.dataclass(frozen=True)
class Overfit:
    """The plan of recipe 2.2 as a function of the runs so far.

    First the tiny sample at all rates side by side; then, if it is learned, the negative control with zeroed inputs
    and several minibatches; if it is not, the remedies in order: other rates, more capacity, another initialisation.

    Attributes:
        settings: its numbers.
        sample: which samples, and the landmarks of their loss.
        flow: the watched backward pass.
        optimizer: chooses the ladder.
        capacity: hyperparameters that set the model's size with their values, where the space has any.
        max_steps: of the several minibatches, where the budget is small; None: the settings' passes.
        most_rates: tried on the tiny sample at first, where the budget is small; None: the whole ladder.
        hand_written: the check of gradients that the user wrote, where there are any.
    """

    settings: OverfitSettings
    sample: SampleMeasured
    flow: GradientFlow
    optimizer: str = "adamw"
    capacity: Mapping[str, float] = dataclasses.field(default_factory=dict)
    max_steps: int | None = None
    most_rates: int | None = None
    hand_written: HandWritten | None = None

    def next_ask(self, runs: Sequence[Run]) -> Ask | None:
        """What to train next; None when the verdict stands."""
        if not self.flow.has_graph:
            return None
        done = {run.key for run in runs}
        if "sample" not in done:
            return self._sample_ask("sample", self._ladder())
        winner = self.winner(runs)
        if winner is None:
            return self._remedy(runs, done)
        if winner.key == "reinitialise":
            return None
        if "zeroed" not in done and self.control_reason() is None:
            fitting = [run.lr for run in runs if run.key == winner.key and self.fits(run)]
            control = self._sample_ask("zeroed", fitting[:3], changes=self._changes(winner.key), zero_inputs=True)
            took = max(self.settings.control_stretch * len(winner.step_losses), self.settings.control_least)
            return dataclasses.replace(control, steps=int(min(took, max(winner.steps, control.steps))))
        if "batches" not in done and len(self.sample.more) > len(self.sample.indices):
            return self._batches_ask(winner)
        if "eval-mode" not in done and self.sample.classes and self._keeps_statistics():
            ask = self._sample_ask("eval-mode", [winner.lr], changes=self._changes(winner.key))
            steps = max(len(winner.step_losses), self.settings.eval_steps)
            return dataclasses.replace(ask, steps=steps, fitted_fraction=None)  # to its end, where it is evaluated
        return None

    def _keeps_statistics(self) -> bool:
        """Whether a layer computes from running statistics in eval mode."""
        return any("BatchNorm" in layer.kind or "InstanceNorm" in layer.kind for layer in self.flow.layers)

    def winner(self, runs: Sequence[Run]) -> Run | None:
        """The run on the tiny sample that learned it soonest, by the first remedy that did."""
        for key in dict.fromkeys(run.key for run in runs):
            if key in APART:
                continue
            fitting = [run for run in runs if run.key == key and self.fits(run)]
            if fitting:
                return min(fitting, key=lambda run: (len(run.step_losses), run.lr))
        return None

    def fits(self, run: Run) -> bool:
        """Whether a run learned its sample (recipe 2.2: loss within 1 % of its floor, R² of 0.99)."""
        if run.fitted:
            return True
        if not run.finite or run.after is None:
            return False
        settings, marks = self.settings, self.sample.expected
        if marks is not None and marks.squared and marks.constant is not None and not self.sample.classes:
            return run.last_loss <= (1.0 - settings.r2) * marks.constant
        floor = self.sample.floor
        if floor is None:
            return run.first_loss > 0 and run.last_loss <= settings.fitted_unknown_floor * run.first_loss
        return run.last_loss - floor <= settings.fitted * (run.first_loss - floor)

    def control_reason(self) -> str | None:
        """Why the negative control would mean nothing here; None where it does."""
        marks = self.sample.expected
        if self.sample.distinct_targets is None:
            return "targets and inputs cannot be told apart in these batches"
        if self.sample.distinct_targets < 2:
            return "all samples of the tiny sample have the same target"
        if marks is None:
            return None
        if marks.constant is None or marks.floor is None:
            return "the loss of the best constant output is not known"
        if marks.constant - marks.floor <= self.settings.floor_share * abs(marks.constant):
            return "a constant output learns this sample as well"
        return None

    def _ladder(self) -> tuple[float, ...]:
        adaptive = self.optimizer.lower() in ADAPTIVE
        rates = self.settings.adaptive_rates if adaptive else self.settings.plain_rates
        if self.most_rates is None or self.most_rates >= len(rates):
            return rates
        middle = math.log(sorted(rates)[len(rates) // 2])
        return tuple(sorted(sorted(rates, key=lambda lr: abs(math.log(lr) - middle))[: self.most_rates]))

    def _sample_ask(
        self,
        key: str,
        rates: Sequence[float],
        *,
        changes: Mapping[str, float] | None = None,
        zero_inputs: bool = False,
        reinitialise: bool = False,
    ) -> Ask:
        steps = self.settings.steps  # never fewer: a verdict on an unfinished training would be a wrong one
        return Ask(
            key=key,
            about=f"{len(rates)} rates × {steps} steps on {len(self.sample.indices)} samples",
            rates=tuple(sorted(rates)),
            steps=steps,
            samples=self.sample.indices,
            batch_size=len(self.sample.indices),
            regularised=False,
            zero_inputs=zero_inputs,
            fitted_fraction=self._fraction(),
            fitted_floor=self.sample.floor or 0.0,
            changes=changes or {},
            reinitialise=reinitialise,
        )

    def _fraction(self) -> float:
        unknown = self.sample.floor is None
        return self.settings.fitted_unknown_floor if unknown else self.settings.fitted

    def _batches_ask(self, winner: Run) -> Ask:
        sample, passes = self.sample, self.settings.passes
        steps = passes * max(1, len(sample.more) // sample.batch_size)
        if self.max_steps is not None:
            steps = min(steps, self.max_steps)
        return Ask(
            key="batches",
            about=f"3 rates × {steps} steps on {len(sample.more)} samples in batches of {sample.batch_size}",
            rates=(winner.lr / 10, winner.lr / 3, winner.lr),
            steps=steps,
            samples=sample.more,
            batch_size=sample.batch_size,
            regularised=False,
            fitted_fraction=self._fraction(),
            fitted_floor=sample.floor or 0.0,
            changes=self._changes(winner.key),
        )

    def _changes(self, key: str) -> dict[str, float]:
        """The hyperparameters that a remedy changes."""
        if key == "deepen":
            return {name: type(value)(value + self.settings.layers) for name, value in self._depths().items()}
        if not key.startswith("widen-"):
            return {}
        factor = float(key.removeprefix("widen-"))
        changed = {name: value for name, value in self.capacity.items() if name not in self._depths()} or self.capacity
        return {name: type(value)(value * factor) for name, value in changed.items()}

    def _depths(self) -> dict[str, float]:
        """The hyperparameters of size that count layers."""
        return {name: value for name, value in self.capacity.items() if re.search(r"layer|depth|block", name.lower())}

    def _remedy(self, runs: Sequence[Run], done: set[str]) -> Ask | None:
        sample = [run for run in runs if run.key == "sample"]
        rates = [run.lr for run in sample]
        if self.batch_changes(runs) or self.flow.targets_change:
            return None
        if all(not run.finite for run in sample) and "lower" not in done:
            factor = self.settings.lower_factor
            return self._sample_ask("lower", [lr / factor for lr in rates if lr / factor < min(rates)])
        if not any(self._moved(run) for run in sample) and sample[-1].finite and "higher" not in done:
            factor = self.settings.higher_factor
            return self._sample_ask("higher", [lr * factor for lr in rates if lr * factor > max(rates)])
        if "longer" not in done and (falling := self._still_falling(sample)):
            longest = max(run.steps for run in falling) * self.settings.longer
            ask = self._sample_ask("longer", [run.lr for run in falling])
            return dataclasses.replace(ask, steps=int(longest))
        falls = any(self._moved(run) for run in runs)
        if falls and self.capacity:
            for factor in self.settings.widths:
                if f"widen-{factor:g}" not in done:
                    key = f"widen-{factor:g}"
                    return self._sample_ask(key, rates, changes=self._changes(key))
            if self._depths() and "deepen" not in done:
                return self._sample_ask("deepen", rates, changes=self._changes("deepen"))
        if "reinitialise" not in done:
            return self._sample_ask("reinitialise", rates, reinitialise=True)
        return None

    def _still_falling(self, sample: Sequence[Run]) -> list[Run]:
        """The two lowest runs, if the lowest was still on its way when its steps ended: a sequence model on text is."""
        lowest = sorted((run for run in sample if run.finite and len(run.step_losses) >= 40), key=lambda r: r.last_loss)
        if not lowest:
            return []
        losses, floor = lowest[0].step_losses, self.sample.floor or 0.0
        width = len(losses) // 10
        before, after = float(np.median(losses[-3 * width : -2 * width])), float(np.median(losses[-width:]))
        left = before - floor
        return lowest[:2] if left > 0 and (before - after) / left > self.settings.still_falling else []

    def _moved(self, run: Run) -> bool:
        floor = self.sample.floor or 0.0
        return run.finite and run.fall(floor) >= self.settings.moved and run.z >= self.settings.moved_z

    def batch_changes(self, runs: Sequence[Run]) -> bool:
        """Whether the loss on one fixed batch jumps about at a rate that hardly moves the weights.

        The same batch gives nearly the same loss after a tiny step; a loss that goes up and down by per cents there
        says that the batch is not the same: targets or inputs are drawn anew at each reading.
        """
        quiet = [run for run in runs if run.key == "sample" and run.finite and len(run.step_losses) >= 20]
        if not quiet:
            return False
        losses = min(quiet, key=lambda run: run.lr).step_losses
        changes = np.diff(losses)
        turns = float(np.mean(np.sign(changes[1:]) != np.sign(changes[:-1])))
        jump = float(np.median(np.abs(changes))) / max(abs(float(np.median(losses))), 1e-12)
        return jump > self.settings.jitter and turns > 0.4

    def result(self, runs: Sequence[Run], cut: Sequence[str] = ()) -> StageResult:
        """The stage's verdict.

        `next` has `lr` (the rate that learned the sample soonest) and `changes` (hyperparameters that it took).
        `evidence` has the runs by ask, `cause` (the remedy that worked, or what is broken), floor and control.

        Args:
            runs: those that came to their end.
            cut: the asks that time cut short or left out. A sample that was not learned by then was not seen to be
                one that cannot be: only what the first backward pass shows is told.
        """
        winner = self.winner(runs)
        if winner is None and cut:
            return self._unfinished(runs, cut)
        control = [run for run in runs if run.key == "zeroed"]
        cause = None if winner is not None and winner.key == "sample" else self._cause(runs, winner)
        evidence: dict[str, object] = {
            "samples": len(self.sample.indices),
            "floor": self.sample.floor,
            "constant_loss": self.sample.constant,
            "cause": cause,
            "runs": [self._run_as_json(run) for run in runs],
            "control": self.control_reason() or ("run" if control else "not run"),
            "cut": list(cut),
        }
        shown = tuple(structural(self.flow, self.settings, learned=winner is not None))
        findings = [*shown, *wrong_gradients(self.hand_written, self.settings)]
        if winner is None or winner.key == "reinitialise" or self._changes(winner.key):
            findings.append(self._cannot(runs, winner, cause or "unknown", shown))
            if winner is not None and winner.key == "reinitialise":
                findings.append(initialisation(self.flow, "Only another initialisation lets the sample be learned"))
        findings += without_inputs(control, self.sample, self.settings, self.fits)
        findings += several_batches(
            [run for run in runs if run.key == "batches"], self.sample, self.settings, self.fits
        )
        findings += worse_in_eval_mode(runs, self.sample, self.settings)
        failed = any(finding.severity is Severity.ERROR for finding in findings)
        warned = any(finding.severity is Severity.WARNING for finding in findings)
        return StageResult(
            stage=StageName.OVERFIT,
            verdict=Verdict.FAIL if failed else Verdict.WARN if warned else Verdict.PASS,
            summary=summary_of(
                self.sample,
                runs,
                winner,
                cause,
                changes={} if winner is None else self._changes(winner.key),
                is_leaking=any(True for _ in without_inputs(control, self.sample, self.settings, self.fits)),
                untrained=len(self.flow.cut),
                cut=cut,
            ),
            findings=tuple(findings),
            evidence=evidence,
            next={} if winner is None else {"lr": winner.lr, "changes": self._changes(winner.key)},
        )

    def _unfinished(self, runs: Sequence[Run], cut: Sequence[str]) -> StageResult:
        """No verdict, for want of time; a graph that is cut, and a gradient that is wrong, are facts all the same."""
        findings = [
            *structural(self.flow, self.settings, learned=True),
            *wrong_gradients(self.hand_written, self.settings),
        ]
        failed = any(finding.severity is Severity.ERROR for finding in findings)
        return StageResult(
            stage=StageName.OVERFIT,
            verdict=Verdict.FAIL if failed else Verdict.SKIP,
            summary=(
                f"The budget's share for the first steps was over before {len(self.sample.indices)} samples were "
                "learned: this check says nothing. A larger budget lets it end."
            ),
            findings=tuple(findings),
            evidence={
                "samples": len(self.sample.indices),
                "floor": self.sample.floor,
                "cause": None,
                "runs": [self._run_as_json(run) for run in runs],
                "control": "not run",
                "cut": list(cut),
            },
        )

    def _cannot(self, runs: Sequence[Run], winner: Run | None, cause: str, shown: Sequence[Finding]) -> Finding:
        return cannot_overfit(
            self.sample,
            runs,
            winner,
            cause,
            first_loss=self.flow.loss,
            changes={} if winner is None else self._changes(winner.key),
            has_capacity=bool(self.capacity),
            follows_from=next((finding.kind for finding in shown if finding.severity is Severity.ERROR), None),
        )

    def _run_as_json(self, run: Run) -> dict[str, object]:
        return {
            "ask": run.key,
            "lr": run.lr,
            "first": run.first_loss,
            "last": run.last_loss,
            "steps": len(run.step_losses),
            "learned": self.fits(run),
            "status": str(run.status),
        }

    def _cause(self, runs: Sequence[Run], winner: Run | None) -> str:
        """What stands in the way: the remedy that worked, else what the probes show."""
        flow = self.flow
        if not flow.has_graph:
            return "dead-graph-detach"
        if winner is not None:
            if self._changes(winner.key):
                return "capacity"
            return {"lower": "lower learning rate", "higher": "higher learning rate", "longer": "more steps"}.get(
                winner.key, winner.key
            )
        if flow.targets_change and not flow.inputs_change:
            return "targets change between readings"
        if self.batch_changes(runs):
            return "the batch changes between readings"
        if flow.cut:
            return "dead-graph-detach"
        if self.sample.conflicting:
            return "equal inputs with different targets"
        if all(run.status is Status.DIVERGED and run.ended_step == 0 for run in runs):
            return "not finite from the first step"
        if all(not run.finite for run in runs):
            return "explodes at every rate"
        # The usual initialisation was tried by now, so what still stops a falling loss is size, or the data.
        if any(self._moved(run) for run in runs):
            return CAPACITY
        if flow.identical_units:
            return "identical units"
        if any(layer.dead >= self.settings.dead_units for layer in flow.layers):
            return "dead units"
        if any(layer.saturated >= self.settings.dead_units for layer in flow.layers):
            return "saturated units"
        return "unknown"
