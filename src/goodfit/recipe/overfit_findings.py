"""What the overfit stage has to tell: what the first gradients show, what was not learned, what too well."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np

from goodfit.findings import Finding, Severity
from goodfit.recipe.runs import Run
from goodfit.settings.overfit import OverfitSettings
from goodfit.training.measure.flow import GradientFlow
from goodfit.training.measure.gradients import HandWritten
from goodfit.training.measure.sample import SampleMeasured

WHERE = "stage overfit"
CAPACITY = "capacity or conflicting labels"  # a cause: the loss falls, and no remedy brings it down


def structural(flow: GradientFlow, settings: OverfitSettings, *, learned: bool) -> Iterator[Finding]:
    """Direct facts of the first backward pass. What a model that learned shows besides is not held against it."""
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
        yield initialisation(flow, f"All units of {flow.identical_units[0]} start the same and stay the same")
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


def initialisation(flow: GradientFlow, what: str) -> Finding:
    """The first activations or units say that the initialisation is at fault; `what` in a sentence."""
    sds = {layer.name: layer.sd for layer in flow.layers}
    return Finding(
        kind="bad-initialisation",
        message=f"{what}.",
        action="Initialise linear and convolutional weights by He's rule (or leave PyTorch's), biases zero.",
        evidence={"layer_sd": sds},
        where=WHERE,
        confidence=0.9,
    )


def cannot_overfit(
    sample: SampleMeasured,
    runs: Sequence[Run],
    winner: Run | None,
    cause: str,
    *,
    first_loss: float,
    changes: Mapping[str, float],
    has_capacity: bool,
    follows_from: str | None,
) -> Finding:
    """The tiny sample was not learned as the model is.

    Args:
        sample: which one.
        runs: all that were tried.
        winner: the run that learned it after all, by a remedy; None: none did.
        cause: what stands in the way.
        first_loss: before any training, where no run tells it.
        changes: the hyperparameters that the winner's remedy changed.
        has_capacity: whether the space has hyperparameters of size.
        follows_from: the kind of the finding that explains it.
    """
    tried = sorted({run.lr for run in runs if run.key not in ("zeroed", "batches", "eval-mode")})
    plain = [run for run in runs if run.key == "sample"]
    lowest = min((run.last_loss for run in plain if run.finite), default=math.nan)
    evidence: dict[str, object] = {"cause": cause, "rates": tried, "lowest_loss": lowest}
    first = float(np.median([run.first_loss for run in plain])) if plain else first_loss
    evidence["first_loss"] = first
    fate = f"the loss stays at {lowest:.3g} of {first:.3g}" if math.isfinite(lowest) else "the loss breaks"
    count = len(sample.indices)
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
            follows_from=follows_from,
        )
    if winner is not None:
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
    if cause == CAPACITY and sample.floor is None:
        # a loss of the user's own may keep most of its start for good: an ELBO, a penalty, noise drawn in the model
        return Finding(
            kind="cannot-overfit-sample",
            severity=Severity.WARNING,
            message=(
                f"On {count} samples the loss falls from {first:.3g} to {lowest:.3g} and no further at {len(tried)} "
                "rates; how low it can get is not known, so this may be its floor, or the model is too small."
            ),
            action=(
                "See whether the predictions on these samples are right; if they are, nothing is wrong. Otherwise "
                "scale up the network."
            ),
            evidence=evidence,
            where=WHERE,
            confidence=0.5,
            follows_from=follows_from,
        )
    action = {
        "dead-graph-detach": "Mend the graph: every layer must get a gradient.",
        "targets change between readings": "Make the data set return the same target for the same index.",
        "the batch changes between readings": "Make targets and inputs the same at every reading of an index.",
        "equal inputs with different targets": "Remove the conflicting samples.",
        "explodes at every rate": "Check the scale of inputs and initial weights, and log or division by zero.",
        CAPACITY: (
            "Scale up the network"
            + (
                "; even the largest tried did not do, so look for a bottleneck or conflicting labels."
                if has_capacity
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
        follows_from=follows_from,
    )


def without_inputs(
    control: Sequence[Run], sample: SampleMeasured, settings: OverfitSettings, learned: Callable[[Run], bool]
) -> Iterator[Finding]:
    """The negative control learned the sample with all inputs zero; `learned` says whether a run did."""
    constant, floor = sample.constant, sample.floor or 0.0
    for run in control:
        if not run.finite:
            continue
        too_good = constant is not None and run.last_loss - floor < settings.control_share * (constant - floor)
        if (too_good if constant is not None else learned(run)) or (run.fitted and constant is None):
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


def several_batches(
    batches: Sequence[Run], sample: SampleMeasured, settings: OverfitSettings, learned: Callable[[Run], bool]
) -> Iterator[Finding]:
    """Several minibatches keep most of their loss, though the tiny sample is learned."""
    finite = [run for run in batches if run.finite]
    if not batches or any(learned(run) for run in batches):
        return
    left = min((run.last_loss / run.first_loss for run in finite if run.first_loss > 0), default=math.nan)
    if left <= 0.5 or not _is_whole(finite, sample, settings):
        return
    yield Finding(
        kind="cannot-overfit-sample",
        severity=Severity.INFO,
        message=(
            f"The {len(sample.indices)} samples are learned, but of the loss on {len(sample.more)} "
            f"samples {100 * left:.0f} % is left after {settings.passes} passes: a larger model may do better."
        ),
        action="Have a larger model in the space.",
        evidence={"cause": "capacity", "left": left, "samples": len(sample.more)},
        where=WHERE,
        confidence=0.5,
    )


def _is_whole(runs: Sequence[Run], sample: SampleMeasured, settings: OverfitSettings) -> bool:
    """Whether the minibatches were trained on as long as the settings ask: a small budget cuts this part short."""
    asked = settings.passes * max(1, len(sample.more) // sample.batch_size)
    return all(run.steps >= asked for run in runs)


def worse_in_eval_mode(runs: Sequence[Run], sample: SampleMeasured, settings: OverfitSettings) -> Iterator[Finding]:
    """The sample is right in train mode and wrong in eval mode: statistics, not size (recipe 2.2)."""
    run = next((run for run in runs if run.key == "eval-mode"), None)
    if run is None or run.accuracy_after is None or run.accuracy_after >= settings.eval_accuracy or not run.finite:
        return
    yield Finding(
        kind="cannot-overfit-sample",
        severity=Severity.WARNING,
        message=(
            f"All {len(sample.indices)} samples are right in train mode, but in eval mode only "
            f"{100 * run.accuracy_after:.0f} % of them: the model computes something else there."
        ),
        action=(
            "Look at what differs between the modes: BatchNorm's momentum and running statistics (too few samples a "
            "batch, momentum too small), or a branch on self.training."
        ),
        evidence={"cause": "eval mode", "accuracy_in_eval_mode": run.accuracy_after, "steps": run.ended_step},
        where=WHERE,
        confidence=0.9,
    )


def wrong_gradients(check: HandWritten | None, settings: OverfitSettings) -> Iterator[Finding]:
    """A backward pass of the user's own does not belong to its forward pass."""
    if check is None or check.error is None or check.error <= settings.gradient_error:
        return
    names = ", ".join(check.functions)
    yield Finding(
        kind="pipeline-suspect",
        severity=Severity.WARNING,  # some gradients differ on purpose, and this one may
        message=(
            f"The gradient written by hand ({names}) differs from centred differences in float64 by "
            f"{100 * check.error:.2g} % at {check.parameter}."
        ),
        action=f"Check the backward of {names}; torch.autograd.gradcheck shows where it goes wrong.",
        evidence={"reason": "wrong gradient", "relative_error": check.error, "functions": list(check.functions)},
        where=WHERE,
        confidence=0.95,
    )
