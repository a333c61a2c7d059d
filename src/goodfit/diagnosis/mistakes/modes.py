"""Dropout and BatchNorm in the mode that does not fit what is being done."""

from __future__ import annotations

from goodfit.findings import Finding, Severity
from goodfit.recording.records import EvaluationPass, Recording
from goodfit.settings.doctor import DoctorSettings


def eval_mode_while_training(recording: Recording, settings: DoctorSettings) -> Finding | None:
    """A network that is trained runs in eval mode as a whole in passes that train it.

    Layers put in eval mode within a network in train mode are frozen on purpose; a network whose weights were loaded
    and that was never in train mode may be.
    """
    for use in recording.models:
        modes = use.training
        if not modes.layers or use.trained_parameters < 0.5 * use.parameters or not use.trained_parameters:
            continue
        if modes.wrong_layers < settings.hits or (use.loaded and not use.was_in_train_mode):
            continue
        if use.was_in_train_mode and modes.wrong_layers < 0.2 * modes.passes:
            continue
        kinds = " and ".join(
            name for name, there in (("dropout", use.has_dropout), ("BatchNorm", use.has_batch_norm)) if there
        )
        since = "from the start" if not use.was_in_train_mode else f"since step {use.first_wrong_step}"
        called = f"; .eval() was called at {use.eval_called_at}" if use.eval_called_at else ""
        return Finding(
            kind="eval-mode-while-training",
            message=(
                f"{use.name} is trained in eval mode {since} ({modes.wrong_layers} of {modes.passes} training passes "
                f"looked at), so its {kinds or 'layers'} do not do their work{called}."
            ),
            action="Call model.train() at the start of every epoch, after each evaluation.",
            evidence={
                "passes": modes.passes,
                "in_eval_mode": modes.wrong_layers,
                "first_step": use.first_wrong_step,
                "layers": modes.layers,
            },
            where=str(use.wrong_mode_site or use.training_site or ""),
            confidence=0.97 if use.was_in_train_mode else 0.9,
        )
    return None


def train_mode_while_evaluating(recording: Recording, settings: DoctorSettings) -> Finding | None:
    """Evaluation passes of a trained network with its dropout or BatchNorm layers in train mode.

    Not this: repeated passes over one input and dropout alone in train mode (Monte Carlo dropout), and passes in every
    step that are not scored (targets, sampling, acting).
    """
    found: list[EvaluationPass] = []
    looked = 0
    for use in recording.models:
        if not use.trained_parameters or recording.is_adversarial:
            continue
        passes = [p for p in recording.evaluations if p.model == use.number and p.forwards and p.step > 0]
        if not passes:
            continue
        in_loop = len({p.step for p in passes}) > settings.in_loop * max(use.training.passes, 1)
        for current in passes:
            if not current.layers and not current.functional_dropout:
                continue
            if in_loop and not current.scored:
                continue
            looked += 1
            in_train = current.layers and current.layers_in_train > 0.5 * current.layers and current.root_in_train
            always = current.functional_dropout > 0 and not current.layers_in_train
            if (in_train or always) and current.repeated_inputs < 0.3 * current.forwards:
                found.append(current)
    if not found or len(found) < 0.3 * looked:
        return None
    held_out = [p for p in found if p.training_inputs < p.forwards or p.names_held_out]
    first = (held_out or found)[0]
    functional = first.functional_dropout and not first.layers_in_train
    return Finding(
        kind="train-mode-while-evaluating",
        severity=None if held_out else Severity.INFO,
        message=(
            "A functional dropout stays on while the network is evaluated, so its answers are random."
            if functional
            else f"{recording.models[first.model].name} is evaluated with its dropout or BatchNorm layers "
            "in train mode "
            f"({len(found)} of {looked} evaluations looked at), so its scores are noisy and depend on the batch."
        ),
        action=(
            "Pass training=self.training to F.dropout."
            if functional
            else "Call model.eval() before the evaluation, and model.train() after it."
        ),
        evidence={"evaluations": looked, "in_train_mode": len(found), "layers": first.layers // max(first.forwards, 1)},
        where=str(first.site or ""),
        confidence=0.95 if any(p.scored for p in found) else 0.85,
    )
