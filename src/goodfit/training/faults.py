"""Faults of the user's model, loss or data during training, each told in one sentence."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

import torch
from torch import Tensor

from goodfit.errors import GoodfitError, TaskError, TrainingError


@contextmanager
def telling(what: str) -> Generator[None]:
    """Turn an exception of the user's code into a sentence.

    Args:
        what: what was being done, such as "training trial 7, step 0".

    Raises:
        TaskError: the targets do not fit the predictions, or shapes or types do not fit one another.
        TrainingError: any other failure.
    """
    try:
        yield
    except GoodfitError:
        raise
    except torch.OutOfMemoryError as error:
        raise TrainingError(f"{what}: the device's memory is full; take a smaller batch_size or model.") from error
    except Exception as error:
        message = first_line(error)
        if "out of bounds" in message and "target" in message.lower():
            raise TaskError(
                f"{what}: {message}: a target lies outside the model's classes; "
                "let the model put out one value per class, and number classes from 0."
            ) from error
        kind = TaskError if isinstance(error, (TypeError, ValueError, IndexError, RuntimeError)) else TrainingError
        raise kind(
            f"{what} failed with {type(error).__name__}: {message}. "
            "Run the model and the loss on one batch by hand to see where."
        ) from error


def check_scalar(loss: object, what: str) -> None:
    """
    Raises:
        TaskError: the loss is not a tensor that holds one number.
    """
    if not isinstance(loss, Tensor):
        raise TaskError(f"{what}: the loss must be a tensor with one number, got {type(loss).__name__}.")
    if loss.numel() != 1 or loss.ndim:
        raise TaskError(
            f"{what}: the loss must be one number, got a tensor of shape {tuple(loss.shape)}; "
            'take its mean (reduction="mean").'
        )


def check_depends_on_weights(loss: Tensor, what: str) -> None:
    """
    Raises:
        TrainingError: no gradient flows from the loss to any weight.
    """
    if not loss.requires_grad:
        raise TrainingError(
            f"{what}: the loss does not depend on the model's weights; look for .detach(), .item(), torch.no_grad() "
            "or an argmax on the way from the model to the loss."
        )


def first_line(error: BaseException) -> str:
    """The first line of an exception's message, without its full stop."""
    return (str(error).strip().splitlines() or ["no message"])[0].rstrip(".")
