"""Several trained networks that answer together."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Any

import torch
from torch import Tensor, nn

from goodfit.training.problem import Loss


class Merge(StrEnum):
    """What is averaged over the members. The merged prediction is in the loss's own terms again."""

    PROBABILITIES = "probabilities"  # log of the mean softmax over dimension 1: what cross-entropy takes
    SIGMOIDS = "sigmoids"  # logit of the mean sigmoid: what BCE with logits takes
    MEANS = "means"  # the mean of the predictions


def merge_for(loss: Loss) -> Merge | None:
    """How predictions under this loss are averaged; None where the loss is of (model, batch) and there are none."""
    if loss.of_model:
        return None
    if loss.cross_entropy is not None:
        return Merge.PROBABILITIES
    if loss.is_binary:
        return Merge.SIGMOIDS
    return Merge.MEANS


def merged(predictions: Sequence[Tensor], merge: Merge) -> Tensor:
    """One prediction from several of the same shape."""
    stacked = torch.stack(list(predictions))
    if merge is Merge.PROBABILITIES:
        return torch.logsumexp(stacked.log_softmax(2), 0) - torch.log(torch.tensor(float(len(stacked))))
    if merge is Merge.SIGMOIDS:
        return torch.logit(stacked.sigmoid().mean(0), eps=1e-7)
    return stacked.mean(0)


class Ensemble(nn.Module):
    """Networks whose predictions are averaged."""

    def __init__(self, members: Sequence[nn.Module], merge: Merge | str) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)
        self.merge = Merge(merge)

    def forward(self, *inputs: Any) -> Tensor:
        return merged([member(*inputs) for member in self.members], self.merge)
