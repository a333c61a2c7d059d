"""Step 2: can this model learn a tiny sample by heart? Which trainings to try, and what they say."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from goodfit.findings import Finding, Severity
from goodfit.recipe.result import StageName, StageResult, Verdict
from goodfit.recipe.runs import Ask, Run
from goodfit.settings.overfit import OverfitSettings
from goodfit.training.measure.flow import GradientFlow
from goodfit.training.measure.sample import SampleMeasured
from goodfit.training.trial import Status

WHERE = "stage overfit"
ADAPTIVE = ("adam", "adamw", "nadam", "radam", "rmsprop", "adagrad", "lion")
_CAPACITY = re.compile(r"(width|hidden|units|channels|filters|neurons|features|d_?model|embed|dim$|layers|depth|size$)")
_NOT_CAPACITY = re.compile(r"(batch|kernel|vocab|image|patch|window|step)")


def is_capacity(name: str) -> bool:
    """Whether a hyperparameter of this name sets how large the model is."""
    return bool(_CAPACITY.search(name.lower())) and not _NOT_CAPACITY.search(name.lower())


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
        max_steps: fewer steps where the budget is small; None: the settings'.
    """

    settings: OverfitSettings
    sample: SampleMeasured
    flow: GradientFlow
    optimizer: str = "adamw"
    capacity: Mapping[str, float] = dataclasses.field(default_factory=dict)
    max_steps: int | None = None

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
            return self._sample_ask("zeroed", fitting[:3], changes=self._changes(winner.key), zero_inputs=True)
        if "batches" not in done and len(self.sample.more) > len(self.sample.indices):
            return self._batches_ask(winner)
        return None

    def winner(self, runs: Sequence[Run]) -> Run | None:
        """The run on the tiny sample that learned it soonest, by the first remedy that did."""
        for key in dict.fromkeys(run.key for run in runs):
            if key in ("zeroed", "batches"):
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
        return self.settings.adaptive_rates if adaptive else self.settings.plain_rates

    def _sample_ask(
        self,
        key: str,
        rates: Sequence[float],
        *,
        changes: Mapping[str, float] | None = None,
        zero_inputs: bool = False,
        reinitialise: bool = False,
    ) -> Ask:
        steps = min(self.settings.steps, self.max_steps or self.settings.steps)
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
        if not key.startswith("widen-"):
            return {}
        factor = float(key.removeprefix("widen-"))
        wide = {name: value for name, value in self.capacity.items() if not re.search(r"layers|depth", name.lower())}
        changed = wide or self.capacity
        return {name: type(value)(value * factor) for name, value in changed.items()}

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
        falls = any(self._moved(run) for run in runs)
        if falls and self.capacity:
            for factor in self.settings.widths:
                if f"widen-{factor:g}" not in done:
                    key = f"widen-{factor:g}"
                    return self._sample_ask(key, rates, changes=self._changes(key))
        if "reinitialise" not in done:
            return self._sample_ask("reinitialise", rates, reinitialise=True)
        return None

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

    def result(self, runs: Sequence[Run]) -> StageResult:
        """The stage's verdict.

        `next` has `lr` (the rate that learned the sample soonest) and `changes` (hyperparameters that it took).
        `evidence` has the runs by ask, `cause` (the remedy that worked, or what is broken), floor and control.
        """
        winner = self.winner(runs)
        control = [run for run in runs if run.key == "zeroed"]
        cause = None if winner is not None and winner.key == "sample" else self._cause(runs, winner)
        evidence: dict[str, object] = {
            "samples": len(self.sample.indices),
            "floor": self.sample.floor,
            "constant_loss": self.sample.constant,
            "cause": cause,
            "runs": [self._run_as_json(run) for run in runs],
            "control": self.control_reason() or ("run" if control else "not run"),
        }
        structural = tuple(self._structural(learned=winner is not None))
        findings = [*structural]
        if winner is None or winner.key == "reinitialise" or winner.key.startswith("widen-"):
            findings.append(self._cannot(runs, winner, cause or "unknown", structural))
            if winner is not None and winner.key == "reinitialise":
                findings.append(self._initialisation("Only another initialisation lets the sample be learned"))
        findings += self._control_findings(control)
        findings += self._batches_findings([run for run in runs if run.key == "batches"])
        failed = any(finding.severity is Severity.ERROR for finding in findings)
        warned = any(finding.severity is Severity.WARNING for finding in findings)
        return StageResult(
            stage=StageName.OVERFIT,
            verdict=Verdict.FAIL if failed else Verdict.WARN if warned else Verdict.PASS,
            summary=self._summary(runs, winner, cause, control),
            findings=tuple(findings),
            evidence=evidence,
            next={} if winner is None else {"lr": winner.lr, "changes": self._changes(winner.key)},
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
            if winner.key.startswith("widen-"):
                return "capacity"
            return {"lower": "lower learning rate", "higher": "higher learning rate"}.get(winner.key, winner.key)
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
            return "capacity or conflicting labels"
        if flow.identical_units:
            return "identical units"
        if any(layer.dead >= self.settings.dead_units for layer in flow.layers):
            return "dead units"
        if any(layer.saturated >= self.settings.dead_units for layer in flow.layers):
            return "saturated units"
        return "unknown"

    def _structural(self, *, learned: bool) -> Iterator[Finding]:
        """Direct facts of the first backward pass. What a model that learned shows besides is not held against it."""
        flow, settings = self.flow, self.settings
        if not flow.has_graph or flow.cut:
            which = ", ".join(flow.cut[:3]) + (", ..." if len(flow.cut) > 3 else "")
            yield Finding(
                kind="dead-graph-detach",
                message=(
                    "The loss does not depend on any parameter: the graph is cut."
                    if not flow.has_graph
                    else f"{len(flow.cut)} of {flow.parameters} tensors take part in the forward pass but get no "
                    f"gradient ({which}): the graph is cut behind them."
                ),
                action="Look for detach, .data, .item, numpy, argmax or no_grad between these layers and the loss.",
                evidence={"without_gradient": list(flow.cut), "parameters": flow.parameters},
                where=WHERE,
            )
        if learned:
            return
        if flow.targets_change and not flow.inputs_change:
            yield Finding(
                kind="labels-misaligned",
                message="Reading the same samples twice gives the same inputs with other targets: they are drawn anew.",
                action="Make the data set return the same target for the same index.",
                where=WHERE,
            )
        if flow.not_finite:
            yield Finding(
                kind="numerical-nan",
                message=f"The first gradients of {', '.join(flow.not_finite[:3])} are not finite.",
                action="Look for log, sqrt or division at zero, and for NaN in the data.",
                evidence={"parameters": list(flow.not_finite)},
                where=WHERE,
            )
        if flow.identical_units:
            yield self._initialisation(f"All units of {flow.identical_units[0]} start the same and stay the same")
        dead = [layer for layer in flow.layers if layer.dead >= settings.dead_units]
        if dead:
            yield Finding(
                kind="dead-relu",
                message=f"{100 * dead[0].dead:.0f} % of the units of {dead[0].name} start at zero for every sample.",
                action="Check the initial biases and the scale of the inputs; use He initialisation or a leaky ReLU.",
                evidence={"layer": dead[0].name, "dead": dead[0].dead},
                where=WHERE,
            )
        saturated = [layer for layer in flow.layers if layer.saturated >= settings.dead_units]
        if saturated:
            yield Finding(
                kind="saturated-activation",
                message=f"{100 * saturated[0].saturated:.0f} % of {saturated[0].name}'s values are in its flat parts.",
                action="Scale the inputs to about unit size, or the weights before this layer down.",
                evidence={"layer": saturated[0].name, "saturated": saturated[0].saturated},
                where=WHERE,
            )

    def _initialisation(self, what: str) -> Finding:
        sds = {layer.name: layer.sd for layer in self.flow.layers}
        return Finding(
            kind="bad-initialisation",
            message=f"{what}.",
            action="Initialise linear and convolutional weights by He's rule (or leave PyTorch's), biases zero.",
            evidence={"layer_sd": sds},
            where=WHERE,
            confidence=0.9,
        )

    def _cannot(self, runs: Sequence[Run], winner: Run | None, cause: str, structural: Sequence[Finding]) -> Finding:
        tried = sorted({run.lr for run in runs if run.key not in ("zeroed", "batches")})
        sample = [run for run in runs if run.key == "sample"]
        lowest = min((run.last_loss for run in sample if run.finite), default=math.nan)
        evidence: dict[str, object] = {"cause": cause, "rates": tried, "lowest_loss": lowest}
        first = float(np.median([run.first_loss for run in sample])) if sample else self.flow.loss
        evidence["first_loss"] = first
        fate = f"the loss stays at {lowest:.3g} of {first:.3g}" if math.isfinite(lowest) else "the loss breaks"
        root = next((finding.kind for finding in structural if finding.severity is Severity.ERROR), None)
        count = len(self.sample.indices)
        if winner is not None and winner.key == "reinitialise":
            evidence["experiment"] = {
                "remedy": "He initialisation",
                "metric": "loss",
                "without": lowest if math.isfinite(lowest) else None,
                "with": winner.last_loss,
                "seeds": 1,
            }
            return Finding(
                kind="cannot-overfit-sample",
                message=(
                    f"{count} samples cannot be learned with the model's own initialisation ({fate}); with He's they "
                    f"are, at a rate of {winner.lr:.2g}."
                ),
                action="Initialise linear and convolutional weights by He's rule (or leave PyTorch's), biases zero.",
                evidence=evidence,
                where=WHERE,
                follows_from=root,
            )
        if winner is not None:
            changes = self._changes(winner.key)
            said = ", ".join(f"{name}={value:g}" for name, value in changes.items())
            evidence |= {"changes": changes}
            evidence["experiment"] = {
                "remedy": said,
                "metric": "loss",
                "without": lowest if math.isfinite(lowest) else None,
                "with": winner.last_loss,
                "seeds": 1,
            }
            return Finding(
                kind="cannot-overfit-sample",
                severity=Severity.WARNING,
                message=f"The model is too small to learn {count} samples ({fate}); with {said} it learns them.",
                action=f"Scale up the network: start from {said}.",
                evidence=evidence,
                where=WHERE,
            )
        action = {
            "dead-graph-detach": "Mend the graph: every layer must get a gradient.",
            "targets change between readings": "Make the data set return the same target for the same index.",
            "the batch changes between readings": "Make targets and inputs the same at every reading of an index.",
            "equal inputs with different targets": "Remove the conflicting samples.",
            "explodes at every rate": "Check the scale of inputs and initial weights, and log or division by zero.",
            "capacity or conflicting labels": (
                "Scale up the network"
                + (
                    "; even the largest tried did not do, so look for a bottleneck or conflicting labels."
                    if self.capacity
                    else ": it has no hyperparameter of size in the space, so widen its narrowest layer."
                )
            ),
        }.get(cause, "Something is broken: check that inputs belong to targets, and look at the layers' activations.")
        rates = f" at {len(tried)} rates from {tried[0]:.0e} to {tried[-1]:.0e}" if tried else ""
        return Finding(
            kind="cannot-overfit-sample",
            message=f"{count} samples cannot be learned{rates}: {fate if tried else 'no gradient arrives'} ({cause}).",
            action=action,
            evidence=evidence,
            where=WHERE,
            confidence=0.95,
            follows_from=root,
        )

    def _control_findings(self, control: Sequence[Run]) -> Iterator[Finding]:
        constant, floor = self.sample.constant, self.sample.floor or 0.0
        for run in control:
            if not run.finite:
                continue
            too_good = constant is not None and run.last_loss - floor < self.settings.control_share * (constant - floor)
            if (too_good if constant is not None else self.fits(run)) or (run.fitted and constant is None):
                versus = "" if constant is None else f", where the best constant has {constant:.3g}"
                yield Finding(
                    kind="overfits-without-inputs",
                    message=(
                        f"With all inputs set to zero the sample is still learned (loss {run.last_loss:.3g}{versus}): "
                        "the targets reach the model by another way."
                    ),
                    action="Look for the target in the model's inputs, in its state, or in the order of the batch.",
                    evidence={"lr": run.lr, "loss": run.last_loss, "constant_loss": constant},
                    where=WHERE,
                    confidence=0.95,
                )
                return

    def _batches_findings(self, batches: Sequence[Run]) -> Iterator[Finding]:
        finite = [run for run in batches if run.finite]
        if not batches or any(self.fits(run) for run in batches):
            return
        left = min((run.last_loss / run.first_loss for run in finite if run.first_loss > 0), default=math.nan)
        if left <= 0.5:
            return
        yield Finding(
            kind="cannot-overfit-sample",
            severity=Severity.INFO,
            message=(
                f"The {len(self.sample.indices)} samples are learned, but of the loss on {len(self.sample.more)} "
                f"samples {100 * left:.0f} % is left after {self.settings.passes} passes: a larger model may do better."
            ),
            action="Have a larger model in the space.",
            evidence={"cause": "capacity", "left": left, "samples": len(self.sample.more)},
            where=WHERE,
            confidence=0.5,
        )

    def _summary(self, runs: Sequence[Run], winner: Run | None, cause: str | None, control: Sequence[Run]) -> str:
        count = len(self.sample.indices)
        if winner is None:
            tried = len({run.lr for run in runs})
            return f"{count} samples cannot be learned at any of {tried} rates: {cause}."
        floor = "" if self.sample.floor is not None else " (its floor is unknown: judged by its fall alone)"
        by = {"sample": "", "lower": " (below the usual rates)", "higher": " (above the usual rates)"}.get(winner.key)
        if by is None:
            said = ", ".join(f"{name}={value:g}" for name, value in self._changes(winner.key).items())
            by = f" only with {said or 'another initialisation'}"
        several = [run for run in runs if run.key == "batches"]
        second = ""
        if several:
            best = min((run.last_loss for run in several if run.finite), default=math.nan)
            second = f"; on {len(self.sample.more)} samples the loss falls to {best:.3g}"
        tested = "; with inputs zeroed it is not" if control else ""
        if any(True for _ in self._control_findings(control)):
            tested = "; with inputs zeroed it is learned as well"
        cut = f"; but {len(self.flow.cut)} tensors get no gradient" if self.flow.cut else ""
        return (
            f"{count} samples are learned{by} in {len(winner.step_losses)} steps at a rate of {winner.lr:.2g}, loss "
            f"{winner.first_loss:.3g} to {winner.last_loss:.2g}{floor}"
            f"{tested}{second}{cut}."
        )
