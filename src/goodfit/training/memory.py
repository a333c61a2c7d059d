"""What a trial in a cohort takes of a device's memory, told before it is there."""

from __future__ import annotations

import torch
from torch import Tensor

from goodfit.training.batches import Feed
from goodfit.training.course import batch_size_of, course_of
from goodfit.training.dropout import begin_step, counter_dropouts, exchange_dropout
from goodfit.training.optimizers import SLOTS
from goodfit.training.problem import Problem
from goodfit.training.splits import seeded
from goodfit.training.structure import built
from goodfit.training.trial import Regime, Trial

# The weights themselves, the gradients by name and as one row, and two rows of scratch for the update.
WEIGHT_COPIES = 5
# Of what the forward pass keeps for the backward pass: that, what vmap keeps besides, and what the backward pass makes
# while it takes it apart. Measured on a processor (benchmarks/memory.py): 2 to 2.5 for convolutions, 3 for a
# transformer, 3.5 for a GRU.
ACTIVATION_COPIES = 3.0


def bytes_per_trial(problem: Problem, trial: Trial, regime: Regime) -> int:
    """What one more trial adds to a cohort's memory at its peak, from one forward pass of one trial.

    Raises:
        TaskError: the model cannot be built.
        Exception: whatever the model or the loss has against a batch.
    """
    model = exchange_dropout(built(problem, trial.hyperparameters, trial.seed))
    weights = sum(p.nbytes for p in model.parameters())
    buffers = sum(b.nbytes for b in model.buffers())
    in_force = course_of(trial, regime).at(0)
    copies = WEIGHT_COPIES + len(SLOTS[in_force.choice.kind]) + (in_force.ema_decay is not None)
    return int(weights * copies + 2 * buffers + ACTIVATION_COPIES * _kept_by_forward(problem, model, trial, regime))


def _kept_by_forward(problem: Problem, model: torch.nn.Module, trial: Trial, regime: Regime) -> int:
    """Bytes that a forward pass keeps for the backward pass, beside weights and batch."""
    feed = Feed(problem, regime, batch_size_of(trial, problem, regime))
    batch = feed.batch(trial.seed, 0)
    own = {t.untyped_storage().data_ptr() for t in (*model.parameters(), *model.buffers())}
    kept: dict[int, int] = {}

    def note(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    begin_step(counter_dropouts(model).values())
    with seeded(trial.seed), torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        loss = problem.loss(model, batch)
    del loss
    return sum(kept.values())
