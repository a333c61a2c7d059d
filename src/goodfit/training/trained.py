"""A trained state as the user's model again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import nn

from goodfit.errors import TaskError
from goodfit.hyperparameters import Hyperparameters
from goodfit.training.states import load_into
from goodfit.training.structure import build_model
from goodfit.training.trial import TrialState


def load_model(
    build: Callable[[Hyperparameters], nn.Module],
    hyperparameters: Mapping[str, Any],
    seed: int,
    state: TrialState,
    averaged: bool = False,
    device: torch.device | None = None,
) -> nn.Module:
    """The model as `build` makes it (nn.Dropout and all), with the state's weights, in eval mode.

    Args:
        build: the user's builder.
        hyperparameters: those of the trial.
        seed: the trial's; matters only to what `build` draws and the state does not hold.
        state: the trained state.
        averaged: take the Polyak average.
        device: None: the CPU.

    Raises:
        TaskError: the state does not fit what is built, or holds no average.
    """
    if averaged and not state.average:
        raise TaskError("The averaged weights were asked for, but this trial was trained without ema_decay.")
    floating = [value.dtype for value in state.parameters.values() if value.is_floating_point()]
    model = build_model(build, hyperparameters, seed, device, floating[0] if floating else None)
    load_into(model, state, averaged)
    return model.eval()
