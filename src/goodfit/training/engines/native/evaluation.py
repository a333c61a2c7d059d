"""A native trial's scores on the fixed subsets: outputs from the kernel, losses and metrics as the task has them."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch.nn.functional as F
from torch import Tensor

from goodfit.training.batches import Feed
from goodfit.training.engines.native import library
from goodfit.training.engines.native.criterion import Criterion
from goodfit.training.evaluation import as_number, chunks_of
from goodfit.training.problem import Problem
from goodfit.training.regularisers import own_smoothing
from goodfit.training.splits import ResidentSplit

# PyTorch's softmax of rows shorter than its vectors goes number by number: of 10 classes it takes four times as long as
# of 16 (measured: 49 and 12 microseconds for 288 samples, the padding counted in).
SHORT_ROW = 16
_SHORTEST = 4  # below it padding costs more than it gains

Predict = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]  # weights, statistics, inputs, positions -> outputs


class Evaluation:
    """Losses and metrics on the fixed subsets, as `evaluation.evaluate_model` has them."""

    def __init__(self, problem: Problem, feed: Feed, criterion: Criterion, predict: Predict) -> None:
        self._problem = problem
        self._predict = predict
        is_plain = criterion.class_weights is None and own_smoothing(problem.loss) == 0.0
        self._is_padded = criterion.kind == library.CROSS_ENTROPY and is_plain
        # For each subset: its name, all inputs of its split, and pieces of (positions, targets).
        self._pieces: list[tuple[str, Tensor, list[tuple[Tensor, Tensor]]]] = []
        for prefix, split, indices in (("train", problem.train, feed.eval_train), ("val", problem.val, feed.eval_val)):
            if len(indices):
                assert isinstance(split, ResidentSplit)
                inputs, targets = split.samples
                pieces = [(chunk.contiguous(), targets.index_select(0, chunk)) for chunk in chunks_of(indices)]
                self._pieces.append((prefix, inputs.contiguous(), pieces))

    def points(self, weights: Tensor, statistics: Tensor, suffix: str) -> dict[str, float]:
        """Values by series name, with these flat weights and running statistics."""
        points: dict[str, float] = {}
        for prefix, inputs, pieces in self._pieces:
            totals: dict[str, float] = {}
            count = sum(len(indices) for indices, _ in pieces)
            for indices, target in pieces:
                prediction = self._predict(weights, statistics, inputs, indices)
                values = {"loss": self._loss(prediction, target)}
                values.update({name: metric(prediction, target) for name, metric in self._problem.metrics.items()})
                for name, value in values.items():
                    totals[name] = totals.get(name, 0.0) + as_number(name, value) * len(indices)
            points.update({f"{prefix}_{name}{suffix}": total / count for name, total in totals.items()})
        return points

    def _loss(self, prediction: Tensor, target: Tensor) -> Tensor:
        if self._is_padded and _SHORTEST < prediction.shape[1] < SHORT_ROW:
            prediction = F.pad(prediction, (0, SHORT_ROW - prediction.shape[1]), value=-math.inf)
        return self._problem.loss.function(prediction, target)
