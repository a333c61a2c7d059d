"""A task's data, read once: checked, split, and brought to the device; the test set locked away."""

from __future__ import annotations

import dataclasses
import traceback
import warnings
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor
from torch.utils import _pytree as pytree
from torch.utils.data import DataLoader, Dataset, IterableDataset, Subset, TensorDataset, default_collate

from goodfit.errors import DataError, GoodfitError, TaskError, TestSetLocked
from goodfit.ledger.fingerprint import fingerprint
from goodfit.task import Data, ModelLoss, Task
from goodfit.training.problem import Loss, Problem, Split
from goodfit.training.splits import LazySplit, ResidentSplit

VALIDATION_SHARE = 0.2  # of the training samples, where the user gives no validation split
RESIDENT_BYTES = 4 << 30  # a dataset above this is read sample by sample
SPLIT_SEED = 20170410  # splits depend on the data alone; the number is of no importance, but must not change

T = TypeVar("T")


class TestSet:
    """The test samples, which nobody reads before the final step."""

    __test__ = False  # pytest would collect the name

    def __init__(self, split: Split) -> None:
        self._split = split
        self.openings = 0

    def __len__(self) -> int:
        return len(self._split)

    def fetch(self, indices: Tensor) -> Any:
        raise TestSetLocked("The test set is locked until the final step; tune on the validation set.")

    def shapes(self) -> list[tuple[int, ...]]:
        """The shape of one sample, a tensor after another."""
        return [tuple(leaf.shape[1:]) for leaf in pytree.tree_leaves(self._split.fetch(torch.arange(1)))]

    def label_range(self) -> tuple[int, int] | None:
        """The least and the largest class number, where the target is one integer a sample."""
        labels = _labels(self._split)
        return None if labels is None else (int(labels.min()), int(labels.max()))

    def unlock(self) -> Split:
        """The samples themselves, once.

        Raises:
            TestSetLocked: it was opened before; a test set that is read twice is a validation set.
        """
        if self.openings:
            raise TestSetLocked("The test set was evaluated already in this run; it is opened once.")
        self.openings += 1
        return self._split


@dataclasses.dataclass(frozen=True)
class Opened:
    """A task with its data at hand."""

    task: Task
    problem: Problem
    test: TestSet | None
    classes: int | None  # where the target is a class number
    columns: tuple[str, ...] | None
    notes: tuple[str, ...]  # what goodfit did to the data by itself, a sentence each
    fingerprint: str  # of all splits


def open_task(task: Task, device: torch.device, dtype: torch.dtype = torch.float32) -> Opened:
    """Load, check and split a task's data.

    Raises:
        TaskError: `data` raised or returned something else than a `gf.Data`.
        DataError: a split is empty, ragged, or holds NaN or infinity; the message says which and where.
    """
    data = task.data if isinstance(task.data, Data) else calling("data()", task.data)
    if not isinstance(data, Data):
        raise TaskError(f"data() of task {task.name!r} must return a gf.Data, got {type(data).__name__}.")
    notes: list[str] = []
    train, batch_size = _as_split(data.train, "train", device, dtype)
    if data.val is None:
        train, val, note = _split_off(train, device)
        notes.append(note)
    else:
        val, _ = _as_split(data.val, "val", device, dtype)
    test = None
    if data.test is not None:
        test_split, _ = _as_split(data.test, "test", device, dtype)
        test = TestSet(test_split)
    else:
        notes.append("There is no test split, so the result is the validation figure alone.")
    if isinstance(train, LazySplit):
        notes.append("The data set changes what it returns (or is too large to hold), so samples are read one by one.")
    of_model = isinstance(task.loss, ModelLoss)
    problem = Problem(
        build=task.model,
        loss=Loss(task.loss.function if isinstance(task.loss, ModelLoss) else task.loss, of_model),
        metrics=dict(task.metrics),
        train=train,
        val=val,
        device=device,
        dtype=dtype,
        default_batch_size=min(batch_size or _default_batch_size(len(train)), len(train)),
    )
    mark = calling("reading the data", lambda: fingerprint((data.train, data.val, data.test)))
    return Opened(task, problem, test, _classes(train), data.columns, tuple(notes), mark)


def calling(what: str, function: Callable[[], T]) -> T:
    """The function's result; whatever the user's code raises becomes one sentence.

    Raises:
        TaskError: the function raised; names the error and the line.
    """
    try:
        return function()
    except GoodfitError:
        raise
    except Exception as error:
        frames = traceback.extract_tb(error.__traceback__)
        own = [f for f in frames if "site-packages" not in f.filename and "goodfit/" not in f.filename]
        last = own[-1] if own else frames[-1] if frames else None
        # a call that failed in goodfit's own line never reached the user's code
        where = f" ({last.filename}, line {last.lineno})" if last and (own or "goodfit/" not in last.filename) else ""
        text = str(error).strip().split("\n")[0]
        raise TaskError(f"{what} raised {type(error).__name__}: {text}{where}.") from error


def _as_split(given: Any, name: str, device: torch.device, dtype: torch.dtype) -> tuple[Split, int | None]:
    """A split and the batch size that a DataLoader asks for."""
    batch_size = None
    collate = default_collate
    is_samples = isinstance(given, DataLoader)  # a loader's dataset is one of samples, a plain list of them too
    if isinstance(given, DataLoader):
        batch_size, collate, given = given.batch_size, given.collate_fn, given.dataset
    if isinstance(given, TensorDataset) and collate is default_collate:
        given, is_samples = given.tensors, False
    if isinstance(given, IterableDataset):
        given, is_samples = calling(f"reading the {name} data", lambda: collate(list(given))), False
    if (
        is_samples
        or isinstance(given, Dataset)
        or (hasattr(given, "__getitem__") and hasattr(given, "__len__") and _is_map(given))
    ):
        if len(given) == 0:
            raise DataError(f"The {name} split is empty.")
        if _changes(given, name) or _bytes_of(given, collate) > RESIDENT_BYTES:
            return LazySplit(given, collate, device=device, dtype=dtype), batch_size
        given = calling(f"reading the {name} data", lambda: _stacked(given, collate))
    tensors = _tensors(given, name, device, dtype)
    _check(tensors, name)
    return ResidentSplit(tensors), batch_size


def _is_map(given: Any) -> bool:
    """Whether this is a sequence of samples rather than a batch of tensors."""
    return not isinstance(given, (tuple, list, Mapping, Tensor, np.ndarray))


def _changes(dataset: Any, name: str) -> bool:
    """Whether reading the same sample twice gives two results: augmentation."""
    for index in {0, len(dataset) // 2, len(dataset) - 1}:
        once = pytree.tree_leaves(calling(f"{name}[{index}]", lambda i=index: dataset[i]))
        again = pytree.tree_leaves(calling(f"{name}[{index}]", lambda i=index: dataset[i]))
        if any(not np.array_equal(np.asarray(a), np.asarray(b)) for a, b in zip(once, again, strict=True)):
            return True
    return False


def _bytes_of(dataset: Any, collate: Callable[..., Any]) -> int:
    leaves = pytree.tree_leaves(collate([dataset[0]]))
    return len(dataset) * sum(leaf.numel() * leaf.element_size() for leaf in leaves if isinstance(leaf, Tensor))


def _stacked(dataset: Any, collate: Callable[..., Any]) -> Any:
    chunks = [
        collate([dataset[i] for i in range(start, min(start + 1024, len(dataset)))])
        for start in range(0, len(dataset), 1024)
    ]
    return pytree.tree_map(lambda *parts: torch.cat(parts), *chunks)


def _tensors(given: Any, name: str, device: torch.device, dtype: torch.dtype) -> Any:
    def tensor(leaf: Any) -> Tensor:
        if isinstance(leaf, np.ndarray) and leaf.dtype.kind in "USO":
            raise DataError(f"The {name} split holds text or objects (an array of {leaf.dtype}); turn it into numbers.")
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)  # arrays that cannot be written to are only read here
                found = torch.as_tensor(np.asarray(leaf) if not isinstance(leaf, Tensor) else leaf)
        except (TypeError, ValueError, RuntimeError) as error:
            raise DataError(
                f"The {name} split holds {type(leaf).__name__}, which is no tensor or numeric array ({error})."
            ) from None
        if found.ndim == 0:
            raise DataError(f"The {name} split holds a single number; give tensors whose first length is the samples.")
        if found.is_floating_point():
            found = found.to(dtype)
        elif found.dtype in (torch.int8, torch.int16, torch.int32):
            found = found.to(torch.int64)  # class numbers: PyTorch's losses take no other integers
        return found.to(device)

    if isinstance(given, list):
        given = tuple(given)
    if given is None or isinstance(given, (str, bytes, int, float)):
        raise DataError(f"The {name} split is {given!r}; give tensors, a Dataset or a DataLoader.")
    return pytree.tree_map(tensor, given)


def _check(tensors: Any, name: str) -> None:
    leaves = pytree.tree_leaves(tensors)
    if not leaves:
        raise DataError(f"The {name} split is empty.")
    lengths = {len(leaf) for leaf in leaves}
    if len(lengths) > 1:
        shapes = ", ".join(str(list(leaf.shape)) for leaf in leaves)
        raise DataError(f"The {name} split's tensors differ in their first length: {shapes}.")
    if lengths == {0}:
        raise DataError(f"The {name} split is empty.")
    for position, leaf in enumerate(leaves):
        if not leaf.is_floating_point():
            continue
        bad = ~torch.isfinite(leaf)
        if not bad.any():
            continue
        what = ("the inputs", "the target")[position] if len(leaves) == 2 else f"tensor {position}"
        at = [int(i) for i in bad.nonzero()[0]]
        kind = "NaN" if torch.isnan(leaf[tuple(at)]) else "infinity"
        place = f"sample {at[0]}" + (f", column {at[-1]}" if len(at) == 2 else f", position {at[1:]}" if at[1:] else "")
        count = int(bad.sum())
        values = "values" if count > 1 else "value"
        raise DataError(
            f"{count} {values} of {what} in the {name} split {'are' if count > 1 else 'is'} not finite; the first is "
            f"{kind} at {place}. Remove or fill them."
        )


def _split_off(train: Split, device: torch.device) -> tuple[Split, Split, str]:
    """The training samples less a validation part, that part, and a sentence that says so."""
    n = len(train)
    held = round(n * VALIDATION_SHARE)
    if held < 1 or n - held < 1:
        raise DataError(f"The train split has {n} samples: too few to split a validation part off; give val.")
    labels = _labels(train)
    from sklearn.model_selection import train_test_split

    stratify = None
    if labels is not None:
        counts = np.bincount(labels - labels.min())
        if counts[counts > 0].min() >= 2 and held >= (counts > 0).sum() and n - held >= (counts > 0).sum():
            stratify = labels
    kept, taken = train_test_split(np.arange(n), test_size=held, random_state=SPLIT_SEED, stratify=stratify)
    note = (
        f"There is no validation split, so {held:,} of the {n:,} training samples were split off"
        f"{', stratified by class' if stratify is not None else ' at random'}; the split depends on the data alone."
    )
    return _subset(train, np.sort(kept)), _subset(train, np.sort(taken)), note


def _subset(split: Split, indices: np.ndarray) -> Split:
    if isinstance(split, ResidentSplit):
        return ResidentSplit(split.fetch(torch.as_tensor(indices)))
    assert isinstance(split, LazySplit)
    return LazySplit(Subset(split.dataset, indices.tolist()), split.collate, split.device, split.dtype)


def _labels(split: Split) -> np.ndarray | None:
    """The class numbers, where the target is one integer a sample."""
    batch = split.fetch(torch.arange(len(split))) if isinstance(split, ResidentSplit) else None
    if not isinstance(batch, tuple) or len(batch) != 2 or not isinstance(batch[1], Tensor):
        return None
    target = batch[1]
    if target.ndim != 1 or target.is_floating_point() or target.dtype == torch.bool:
        return None
    return target.cpu().numpy()


def _classes(train: Split) -> int | None:
    labels = _labels(train)
    return None if labels is None or labels.min() < 0 else int(labels.max()) + 1


def _default_batch_size(samples: int) -> int:
    """32, recipe 4.7 [BE]; the largest power of two that still gives eight steps an epoch on tiny data."""
    size = 32
    while size > 1 and samples < 8 * size:
        size //= 2
    return size
