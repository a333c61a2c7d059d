"""Bundled real tasks for `goodfit demo`; one file each, listed here by name."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping


@dataclasses.dataclass(frozen=True, slots=True)
class Demo:
    """A task that comes with goodfit."""

    name: str
    about: str  # one line
    spec: str  # a TASK argument


DEMOS: Mapping[str, Demo] = {
    demo.name: demo
    for demo in (
        Demo(
            "digits",
            "1,797 handwritten digits of 8×8 pixels (scikit-learn): an MLP with dropout",
            "goodfit.demos.digits:task",
        ),
        Demo(
            "diabetes",
            "disease progression of 442 patients from 10 measurements (scikit-learn): regression",
            "goodfit.demos.diabetes:task",
        ),
    )
}
