"""Mistakes in training scripts: each a function of a Recording, in one file by family, and one line here."""

from __future__ import annotations

from collections.abc import Callable

from goodfit.diagnosis.mistakes import clearing, modes, outputs, reach
from goodfit.findings import Finding
from goodfit.recording.records import Recording
from goodfit.settings.doctor import DoctorSettings

Mistake = Callable[[Recording, DoctorSettings], Finding | None]

# Facts of the program: each stands for itself. The first ones explain the later ones where both are seen.
FACTS: tuple[Mistake, ...] = (
    reach.dead_graph_detach,
    clearing.optimizer_step_missing,
    reach.parameters_not_in_optimizer,
    reach.unused_parameters,
    clearing.missing_zero_grad,
    outputs.shape_broadcast_in_loss,
    outputs.wrong_softmax_dim,
    outputs.wrong_output_activation,
    outputs.softmax_before_cross_entropy,
    outputs.sigmoid_before_bce_with_logits,
    outputs.wrong_loss_for_task,
    modes.eval_mode_while_training,
    reach.frozen_parameters,
    modes.train_mode_while_evaluating,
)
# Statistics of what ran: consequences, where a fact was found.
SIGNALS: tuple[Mistake, ...] = ()
