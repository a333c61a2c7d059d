"""Which device trains: a name from the command line to torch's device."""

from __future__ import annotations

import torch

from goodfit.errors import DeviceError


def read_device(name: str) -> torch.device:
    """The device of this name; "auto" is a CUDA device where there is one, else the CPU.

    Raises:
        DeviceError: the name is unknown, or the device is not present.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        raise DeviceError(f"There is no device {name!r}; give auto, cpu or cuda.") from None
    if device.type not in ("cpu", "cuda"):
        raise DeviceError(f"goodfit trains on cpu or cuda, not on {name!r}.")
    if device.type == "cuda":
        if not torch.cuda.is_available():
            raise DeviceError("No CUDA device is present (or this torch was built without CUDA); give --device cpu.")
        if device.index is not None and device.index >= torch.cuda.device_count():
            raise DeviceError(f"There are {torch.cuda.device_count()} CUDA devices; {name} is not among them.")
    return device
