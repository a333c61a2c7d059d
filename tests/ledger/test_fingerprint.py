"""Fingerprints of data: the same for the same content, another for any other."""

from __future__ import annotations

import random
import sys
import time

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from torch.utils.data import DataLoader, Dataset, IterableDataset, Subset, TensorDataset

from goodfit.errors import DataError
from goodfit.ledger.fingerprint import fingerprint, refuse_other_data
from goodfit.ledger.versions import versions

IMAGES = torch.arange(24.0).reshape(2, 3, 4)


@given(
    arrays.arrays(
        st.sampled_from([np.float32, np.int64, np.bool_, np.float64]), arrays.array_shapes(min_side=0, max_side=4)
    )
)
def test_a_copy_has_the_same_fingerprint_and_no_other_does(array):
    before = fingerprint(array)
    assert fingerprint(array.copy()) == before
    assert fingerprint(np.asfortranarray(array)) == before
    if array.size:
        changed = array.copy()
        changed.reshape(-1)[-1] = changed.reshape(-1)[-1] == 0
        assert fingerprint(changed) != before


DIFFERENT = [
    IMAGES,
    IMAGES.double(),
    IMAGES.reshape(2, 4, 3),
    IMAGES.numpy(),
    IMAGES + 1e-6,
    IMAGES.bfloat16(),
    IMAGES.to(torch.complex64),
    IMAGES > 3,
    torch.empty(0, 3),
    torch.empty(0, 4),
    torch.tensor(1),
    (IMAGES, None),
    [[IMAGES]],
    [IMAGES, IMAGES],
    {"train": IMAGES},
    {"val": IMAGES},
    {"train": IMAGES, "val": None},
    TensorDataset(IMAGES),
    Subset(TensorDataset(IMAGES), [0]),
    Subset(TensorDataset(IMAGES), [1]),
    np.array(["a", "bc"]),
    np.array(["a", None], dtype=object),
    ["ab", "c"],
    ["a", "bc"],
    b"abc",
    "abc",
    1,
    1.0,
    True,
    None,
    (),
]


def test_what_differs_has_different_fingerprints():
    seen = [fingerprint(data) for data in DIFFERENT]
    assert len(set(seen)) == len(DIFFERENT)
    assert seen == [fingerprint(data) for data in DIFFERENT]
    assert all(len(found) == 32 and int(found, 16) >= 0 for found in seen)


def test_the_order_of_a_mapping_and_the_layout_in_memory_do_not_matter():
    assert fingerprint({"a": 1, "b": 2}) == fingerprint({"b": 2, "a": 1})
    assert fingerprint(IMAGES.transpose(0, 1)) == fingerprint(IMAGES.transpose(0, 1).contiguous())
    assert fingerprint(IMAGES) == fingerprint(IMAGES.to_sparse())
    assert fingerprint(IMAGES.requires_grad_(False)) == fingerprint(IMAGES.clone().requires_grad_())


class Squares(Dataset):
    """Pairs that are worked out when asked for."""

    def __init__(self, n: int, offset: int = 0, noise: bool = False) -> None:
        self.n, self.offset, self.noise = n, offset, noise

    def __len__(self) -> int:
        return self.n

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        extra = torch.rand(3) * random.random() * np.random.rand() if self.noise else torch.zeros(3)
        return torch.full((3,), float(index**2 + self.offset)) + extra, index


def test_a_dataset_counts_by_its_samples():
    assert fingerprint(Squares(1000)) == fingerprint(Squares(1000))
    assert fingerprint(Squares(1000)) != fingerprint(Squares(1000, offset=1))
    assert fingerprint(Squares(1000)) != fingerprint(Squares(1001))
    assert fingerprint(Squares(0)) != fingerprint(Squares(1))


def test_a_dataset_that_draws_its_samples_anew_has_a_steady_fingerprint():
    assert fingerprint(Squares(50, noise=True)) == fingerprint(Squares(50, noise=True))
    assert fingerprint(Squares(50, noise=True)) != fingerprint(Squares(51, noise=True))


def test_a_loader_counts_by_its_dataset_however_it_shuffles():
    one, two = (DataLoader(Squares(50), batch_size=size, shuffle=size == 5) for size in (5, 7))
    assert fingerprint(one) == fingerprint(two)
    assert fingerprint(one) != fingerprint(DataLoader(Squares(51)))


class Stream(IterableDataset):
    """Samples in an order of their own, with a length."""

    def __init__(self, n: int) -> None:
        self.n = n

    def __len__(self) -> int:
        return self.n

    def __iter__(self):
        return iter(range(self.n))


def test_a_stream_counts_by_its_class_and_length():
    assert fingerprint(DataLoader(Stream(5))) == fingerprint(DataLoader(Stream(5)))
    assert fingerprint(Stream(5)) != fingerprint(Stream(6))


def test_taking_a_fingerprint_draws_no_random_numbers():
    torch.manual_seed(0)
    np.random.seed(0)
    random.seed(0)
    expected = torch.rand(1), np.random.rand(), random.random()
    torch.manual_seed(0)
    np.random.seed(0)
    random.seed(0)
    fingerprint(Squares(50, noise=True))
    assert (torch.rand(1), np.random.rand(), random.random()) == expected


def test_sixty_thousand_images_take_about_a_second():
    images = np.zeros((60_000, 784), dtype=np.float32)
    started = time.perf_counter()
    found = fingerprint(images)
    seconds = time.perf_counter() - started
    images[-1, -1] = 1
    assert fingerprint(images) != found
    assert seconds < 5  # about 0.3 s on an idle core; other work shares this machine


def test_other_data_are_refused_with_what_to_do():
    refuse_other_data("aabbccddee", "aabbccddee", "runs/digits")
    with pytest.raises(
        DataError, match=r"runs/digits began \(fingerprint aabbccdd then, 00112233 now\).* anew"
    ) as error:
        refuse_other_data("aabbccddee", "0011223344", "runs/digits")
    assert str(error.value).endswith(".")


def test_versions_are_those_that_are_imported():
    found = versions()
    assert found["torch"] == torch.__version__.split("+")[0] or found["torch"] == torch.__version__
    assert found["numpy"] == np.__version__
    assert found["python"] == sys.version.split()[0]
    assert set(found) == {"goodfit", "python", "torch", "numpy", "scikit-learn", "platform"}
