"""Mistakes in training scripts: each a function of a Recording, in one file by family, and one line here."""

from __future__ import annotations

from collections.abc import Callable

from goodfit.diagnosis.mistakes import axes, clearing, data, dynamics, flow, lengths, modes, outputs, reach, schedules
from goodfit.findings import Finding
from goodfit.recording.records import Recording
from goodfit.settings.doctor import DoctorSettings

Mistake = Callable[[Recording, DoctorSettings], Finding | None]

# Facts of the program: each stands for itself. The first ones explain the later ones where both are seen.
FACTS: tuple[Mistake, ...] = (
    flow.numerical_nan,
    reach.dead_graph_detach,
    clearing.optimizer_step_missing,
    reach.parameters_not_in_optimizer,
    reach.unused_parameters,
    clearing.missing_zero_grad,
    outputs.shape_broadcast_in_loss,
    outputs.maximised_loss,
    outputs.wrong_softmax_dim,
    outputs.wrong_output_activation,
    outputs.softmax_before_cross_entropy,
    outputs.sigmoid_before_bce_with_logits,
    outputs.wrong_loss_for_task,
    modes.eval_mode_while_training,
    reach.frozen_parameters,
    modes.train_mode_while_evaluating,
    axes.batch_dimension_mixup,
    data.labels_misaligned,
    data.no_shuffle,
    data.data_leakage,
    data.train_eval_preprocessing_mismatch,
    flow.missing_nonlinearity,
    schedules.lr_schedule_wrong,
)
# Statistics of what ran: consequences, where a fact was found. A bad start or bad data explain what comes later.
SIGNALS: tuple[Mistake, ...] = (
    lengths.not_enough_points,
    data.unnormalised_inputs,
    data.unnormalised_targets,
    flow.bad_initialisation,
    dynamics.excess_regularisation,
    flow.saturated_activation,
    flow.exploding_gradient,
    flow.vanishing_gradient,
    flow.dead_relu,
    data.class_imbalance,
    lengths.easy_gain_at_start,
)
# What only describes the outcome.
OUTCOMES: tuple[Mistake, ...] = (
    dynamics.diverged,
    flow.update_ratio_off,
    dynamics.too_few_steps,
    lengths.overfitting,
    lengths.too_many_steps,
    lengths.noisy_validation,
)
