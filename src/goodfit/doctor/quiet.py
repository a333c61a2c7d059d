"""Running parts of the user's code again without anybody noticing: no output, no warning, the generators put back."""

from __future__ import annotations

import contextlib
import os
import random
import warnings
from collections.abc import Generator

import numpy as np
import torch


@contextlib.contextmanager
def quietly() -> Generator[None]:
    """Within it, what is printed is lost and warnings are silent; random states are as before at the end."""
    states = random.getstate(), np.random.get_state(), torch.get_rng_state()
    gradients, threads = torch.is_grad_enabled(), torch.get_num_threads()
    with (
        open(os.devnull, "w", encoding="utf-8") as nowhere,
        contextlib.redirect_stdout(nowhere),
        contextlib.redirect_stderr(nowhere),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")
        try:
            yield
        finally:
            random.setstate(states[0])
            np.random.set_state(states[1])
            torch.set_rng_state(states[2])
            torch.set_grad_enabled(gradients)
            torch.set_num_threads(threads)
