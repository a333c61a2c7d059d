"""What is in force for each row of a cohort, as columns: rates, clipping, smoothing, dropout, averages."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from goodfit.training.averaging import decay_at
from goodfit.training.counter import keys
from goodfit.training.course import InForce
from goodfit.training.dropout import rate_constants
from goodfit.training.engines.pace import KEY_STEPS
from goodfit.training.problem import Problem
from goodfit.training.regularisers import check_label_smoothing, own_smoothing


class Columns:
    """Made anew whenever a segment begins or rows leave.

    `smoothing` is [rows]; `clips` [rows, 1], None where nothing is clipped; `dropout` has thresholds and scales by
    name, [rows] each.
    """

    def __init__(
        self,
        problem: Problem,
        in_force: Sequence[InForce],
        seeds: Sequence[int],
        dropouts: Sequence[str],
        rates: Sequence[Sequence[float]],
    ) -> None:
        """
        Args:
            problem: gives loss, device and dtype.
            in_force: one a row.
            seeds: of the rows' trials.
            dropouts: names of the exchanged dropouts, in order.
            rates: of each row, the probability of each dropout.

        Raises:
            TaskError: label smoothing is asked of a loss that has none.
        """
        for segment in in_force:
            check_label_smoothing(problem.loss, segment.hyperparameters)
        self.in_force = list(in_force)
        self._seeds, self._layers, self._device = list(seeds), len(dropouts), problem.device
        own = own_smoothing(problem.loss)
        shares = [own if s.label_smoothing is None else s.label_smoothing for s in in_force]
        self.is_smoothed = any(share != own for share in shares)
        self.smoothing = torch.tensor(shares, dtype=torch.float64, device=problem.device)
        clips = [segment.grad_clip for segment in in_force]
        self.clips = (
            torch.tensor(clips, dtype=problem.dtype, device=problem.device)[:, None]
            if any(math.isfinite(clip) for clip in clips)
            else None
        )
        self.dropout: dict[str, Tensor] = {}
        for layer, name in enumerate(dropouts):
            constants = [rate_constants(row[layer]) for row in rates]
            thresholds, scales = [c[0] for c in constants], [c[1] for c in constants]
            self.dropout[f"{name}.threshold"] = torch.tensor(thresholds, dtype=torch.int32, device=problem.device)
            self.dropout[f"{name}.scale"] = torch.tensor(scales, dtype=torch.float64, device=problem.device)
        self._block = -1

    def keys(self, step: int) -> Tensor:
        """Dropout keys at this step: int32 [rows, layers, 2]."""
        self._turn_to(step)
        return self._keys[step % KEY_STEPS]

    def lr(self, step: int) -> Tensor:
        """Learning rates of the update at this step: float64 [rows, 1] on the CPU."""
        self._turn_to(step)
        return self._rates[step % KEY_STEPS]

    def shares(self, step: int) -> Tensor:
        """How far averages move towards the weights at this step, 1 - decay: float64 [rows, 1] on the CPU."""
        self._turn_to(step)
        return self._shares[step % KEY_STEPS]

    def _turn_to(self, step: int) -> None:
        """Have the tables of the block of steps that holds this one."""
        if step // KEY_STEPS == self._block:
            return
        self._block = step // KEY_STEPS
        steps = range(self._block * KEY_STEPS, (self._block + 1) * KEY_STEPS)
        self._keys = torch.from_numpy(keys(self._seeds, steps, self._layers)).to(self._device)
        rates = [[[segment.lr(max(at, segment.start))] for segment in self.in_force] for at in steps]
        shares = [
            [[1.0 - decay_at(segment.ema_decay, at) if segment.ema_decay else 1.0] for segment in self.in_force]
            for at in steps
        ]
        self._rates = torch.tensor(rates, dtype=torch.float64)
        self._shares = torch.tensor(shares, dtype=torch.float64)
