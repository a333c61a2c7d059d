"""Fashion-MNIST from Debian's package dataset-fashion-mnist: 70,000 grey images of clothes, 28×28, ten classes."""

import gzip
import os
from pathlib import Path

import numpy as np
import torch

import goodfit as gf

FOLDER = Path(os.environ.get("FASHION_MNIST", "/usr/share/datasets/fashion-mnist"))


def read_idx(name: str) -> np.ndarray:
    """The array in a gzipped IDX file: a header of big-endian sizes, then bytes."""
    path = FOLDER / f"{name}-ubyte.gz"
    if not path.exists():
        raise gf.DataError(
            f"{path} is missing: run `apt-get install dataset-fashion-mnist`, or name the folder in FASHION_MNIST."
        )
    raw = gzip.decompress(path.read_bytes())
    dimensions = raw[3]
    shape = np.frombuffer(raw, dtype=">u4", count=dimensions, offset=4)
    return np.frombuffer(raw, dtype=np.uint8, offset=4 + 4 * dimensions).reshape(shape)


def load(*, flat: bool) -> gf.Data:
    """Images as [n, 784] or [n, 1, 28, 28], standardised by the training pixels; validation is split off."""

    def split(name: str) -> tuple[torch.Tensor, torch.Tensor]:
        images = (torch.tensor(read_idx(f"{name}-images-idx3")).float() / 255 - 0.2860) / 0.3530
        images = images.reshape(len(images), -1) if flat else images[:, None]
        return images, torch.tensor(read_idx(f"{name}-labels-idx1")).long()

    return gf.Data(train=split("train"), test=split("t10k"))
