"""A fingerprint of data: the same for the same content, so that results are never taken over to other data."""

from __future__ import annotations

import contextlib
import hashlib
import random
from collections.abc import Generator, Mapping
from typing import Any

import numpy as np

from goodfit.errors import DataError

# Ours: samples of a dataset that is read one by one; enough to notice a change, few enough to read images in a second.
SAMPLES = 64


def fingerprint(data: Any) -> str:
    """32 hexadecimal digits that depend on the content of the data.

    Tensors and arrays count whole: shape, dtype and every byte. So do numbers, text, None, and lists, tuples and
    mappings of all these. A dataset of tensors counts by its tensors, a loader by its dataset; another dataset by its
    class, its length and `SAMPLES` of its samples, or only their shapes where it draws them anew at each reading. An
    object that is none of these counts by its class alone. The random state of torch, numpy and Python is as it was
    afterwards.
    """
    taken = hashlib.blake2b(digest_size=16)
    with _random_state_kept():
        _take(taken, data)
    return taken.hexdigest()


def refuse_other_data(recorded: str, now: str, place: str) -> None:
    """Let a run go on only with the data that it began with.

    Args:
        recorded: the study's fingerprint.
        now: that of the data at hand.
        place: the run's folder or ledger, for the message.

    Raises:
        DataError: they differ.

    Source: recipe 1, row 18: results belong to a problem; for other data they are worked out anew.
    """
    if recorded != now:
        raise DataError(
            f"The data have changed since the run in {place} began (fingerprint {recorded[:8]} then, {now[:8]} now), "
            "so its trials say nothing about them; bring the old data back, or begin anew in another folder."
        )


def _take(taken: Any, data: Any) -> None:
    """Feed one value to the hash. Every piece says what it is and how long, so that no two trees look alike."""
    if _is_tensor(data):
        _take_tensor(taken, data)
    elif isinstance(data, (np.ndarray, np.generic)):
        _take_array(taken, np.asarray(data))
    elif data is None or isinstance(data, (bool, int, float, complex, str)):
        _take_word(taken, f"{type(data).__name__} {data!r}")
    elif isinstance(data, (bytes, bytearray, memoryview)):
        _take_word(taken, f"bytes {len(data)}")
        taken.update(data)
    elif isinstance(data, Mapping):
        _take_word(taken, f"mapping {len(data)}")
        for key in sorted(data, key=repr):
            _take_word(taken, repr(key))
            _take(taken, data[key])
    elif isinstance(data, (list, tuple)):
        _take_word(taken, f"sequence {len(data)}")
        for item in data:
            _take(taken, item)
    else:
        _take_object(taken, data)


def _take_object(taken: Any, data: Any) -> None:
    _take_word(taken, f"object {type(data).__module__}.{type(data).__qualname__}")
    tensors = getattr(data, "tensors", None)  # torch's TensorDataset
    if isinstance(tensors, tuple):
        _take(taken, tensors)
    elif hasattr(data, "dataset"):
        # A loader or a subset: what lies behind it, and which part of that.
        _take(taken, data.dataset)
        _take(taken, np.asarray(getattr(data, "indices", ())))
    elif hasattr(data, "__len__") and hasattr(data, "__getitem__"):
        # torch's iterable datasets have a length at times, but a __getitem__ in name only.
        with contextlib.suppress(NotImplementedError):
            _take_samples(taken, data)


def _take_samples(taken: Any, dataset: Any) -> None:
    length = len(dataset)
    _take_word(taken, f"samples {length}")
    for index in sorted({round(place) for place in np.linspace(0, length - 1, min(length, SAMPLES))}):
        once, again = _digest(dataset[index]), _digest(dataset[index])
        if once == again:
            _take_word(taken, once)
        else:  # augmented: only its form is the same at each reading
            _take(taken, _form(dataset[index]))


def _digest(sample: Any) -> str:
    taken = hashlib.blake2b(digest_size=16)
    _take(taken, sample)
    return taken.hexdigest()


def _form(sample: Any) -> Any:
    """Shapes and dtypes in place of contents."""
    if isinstance(sample, Mapping):
        return {key: _form(value) for key, value in sample.items()}
    if isinstance(sample, (list, tuple)):
        return [_form(value) for value in sample]
    if hasattr(sample, "shape") and hasattr(sample, "dtype"):
        return [str(sample.dtype), len(sample.shape)]  # a random crop may change the lengths
    return type(sample).__name__


def _is_tensor(data: Any) -> bool:
    # By its look, so that torch is imported only where it is in use already.
    return hasattr(data, "detach") and hasattr(data, "numel") and hasattr(data, "dtype")


def _take_tensor(taken: Any, tensor: Any) -> None:
    import torch

    _take_word(taken, f"tensor {tensor.dtype} {tuple(tensor.shape)}")
    tensor = tensor.detach()
    if tensor.is_quantized:
        tensor = tensor.int_repr()
    dense = tensor.to_dense() if tensor.layout is not torch.strided else tensor
    plain = dense.cpu().resolve_conj().resolve_neg().contiguous().reshape(-1)
    # As bytes: numpy has no bfloat16, but every dtype has bytes.
    taken.update(plain.view(torch.uint8).numpy() if plain.numel() else b"")


def _take_array(taken: Any, array: np.ndarray) -> None:
    _take_word(taken, f"array {array.dtype.str} {array.shape}")
    if array.dtype.hasobject:
        _take(taken, array.tolist())
    else:
        taken.update(np.ascontiguousarray(array).reshape(-1).view(np.uint8) if array.size else b"")


def _take_word(taken: Any, word: str) -> None:
    encoded = word.encode("utf-8", "backslashreplace")
    taken.update(f"{len(encoded)}:".encode())
    taken.update(encoded)


@contextlib.contextmanager
def _random_state_kept() -> Generator[None]:
    """Reading a sample may draw random numbers; nobody later shall see that it did."""
    import sys

    python, numbers = random.getstate(), np.random.get_state()
    torch = sys.modules.get("torch")
    weights = torch.random.get_rng_state() if torch else None
    try:
        yield
    finally:
        random.setstate(python)
        np.random.set_state(numbers)
        if torch and weights is not None:
            torch.random.set_rng_state(weights)
