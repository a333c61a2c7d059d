"""LCBench's surrogate of YAHPO Gym as a task of `search.py`: funnel-shaped networks on OpenML sets, 52 epochs each.

The folder holds what the repository slds-lmu/yahpo_data (Apache 2.0; Pfisterer and others, 2022) keeps in `lcbench`:
`model.onnx` and `encoding.json`. Reading it needs the package `onnxruntime`. Nothing of it is part of goodfit.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from goodfit.space import Space, integer, linear, log
from goodfit.space.scales import Limits

INSTANCES = ("167152", "167168", "167185", "189873", "189906")  # those of YAHPO's own two suites
EPOCHS = 52  # the most of LCBench
ACCURACY = 1  # the surrogate's outputs: time, accuracy on the validation samples in per cent, and four more
INPUTS = ("batch", "lr", "momentum", "weight_decay", "num_layers", "width", "max_dropout")  # behind the epoch
LOOKED_AT = 200_000  # random points, of which the best stands for the optimum


class Surrogate:
    """One OpenML set; lower is better, in points of error. The same point always scores the same."""

    def __init__(self, instance: str, folder: Path) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(str(folder / "model.onnx"), options)
        self.code = json.loads((folder / "encoding.json").read_text())["OpenML_task_id"][instance]
        self.name = f"lcbench {instance}"
        self.space = Space(  # YAHPO's own ranges and scales
            batch=log(16, 512),
            lr=log(1e-4, 1e-1),
            momentum=linear(0.1, 0.99),
            weight_decay=linear(1e-5, 1e-1),
            num_layers=integer(1, 5),
            width=log(64, 1024),
            max_dropout=linear(0.0, 1.0),
        )
        self.limits: dict[str, Limits] = {
            d.name: (d.scale.as_json()["low"], d.scale.as_json()["high"]) for d in self.space.dimensions
        }
        generator = np.random.default_rng(0)
        points = [self.space.from_units(row) for row in generator.random((LOOKED_AT, len(INPUTS))).tolist()]
        errors = self._errors(points)
        order = np.argsort(errors)
        self.best = float(errors[order[0]])
        self.cut = self._without([points[i] for i in order[: LOOKED_AT // 1000]])

    def score(self, point: Mapping[str, Any], generator: np.random.Generator) -> float | None:
        return float(self._errors([point])[0])

    def regret(self, point: Mapping[str, Any]) -> float:
        return float(self._errors([point])[0]) - self.best

    def _errors(self, points: list[Mapping[str, Any]]) -> np.ndarray:
        values = np.array([[EPOCHS, *(point[key] for key in INPUTS)] for point in points], dtype=np.float32)
        values[:, [1, 6]] = np.round(values[:, [1, 6]])  # batch size and units are whole numbers
        codes = np.full((len(points), 1), self.code, dtype=np.int32)
        (found,) = self.session.run(None, {"x_cat": codes, "x_cont": values})
        return 100 - found[:, ACCURACY].astype(float)

    def _without(self, best: list[Mapping[str, Any]]) -> Space:
        """The rate's and the width's range, cut a fifth of it before the median of the best thousandth."""
        scales = {}
        for name in ("lr", "width"):
            scale = self.space[name].scale
            place = float(np.median([scale.to_unit(point[name]) for point in best]))
            scales[name] = scale.narrowed(0.0, place - 0.2) if place > 0.5 else scale.narrowed(place + 0.2, 1.0)
        return self.space.replace(scales)
