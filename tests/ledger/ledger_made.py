"""Records for the ledger's tests."""

from __future__ import annotations

import math

import numpy as np

from goodfit.findings import Finding
from goodfit.ledger.records import (
    CurveRecord,
    DecisionRecord,
    FindingRecord,
    MemoRecord,
    Record,
    StageRecord,
    StudyRecord,
    TrialRecord,
)


def a_study(name: str = "digits") -> StudyRecord:
    return StudyRecord(
        study=name,
        task="digits",
        seed=2**62 + 1,
        objective="max val accuracy",
        command="goodfit run digits.py --seed 3",
        device="cpu",
        versions={"goodfit": "0.1.0"},
        fingerprint="00ff",
        source="task = ...\n# ünïcode 'quotes'",
        space={"lr": {"scale": "log", "low": 1e-4, "high": 0.1}},
        settings={"overfit.steps": 300},
        options={"budget_seconds": 60.0, "force": False, "trials": None},
        created_at=1.7e9,
    )


def a_curve(trial: int, start: int, stop: int, series: str = "val_loss", offset: float = 0.0) -> CurveRecord:
    """Values are steps / 7 + offset, so that each tells where it belongs."""
    steps = np.arange(start, stop)
    return CurveRecord(trial=trial, series=series, steps=steps, epochs=steps / 10, values=steps / 7 + offset)


def some_of_each() -> list[Record]:
    """One or two records of each kind, with all that is hard to store: nothing is left at its default."""
    return [
        StageRecord(number=0, stage="data", round=1, verdict=""),
        StageRecord(
            number=1,
            stage="coarse",
            round=2,
            verdict="warn",
            summary="24 trials × 4 epochs.",
            findings=("best-on-border", "insensitive"),
            evidence={"median": 0.5, "list": [1, None, "x"]},
            trials=24,
            epochs=96.0,
            seconds=3.25,
            space={"lr": {"scale": "log", "low": 1e-4, "high": 0.1}},
            started_at=1.7e9,
            ended_at=1.7e9 + 3.25,
        ),
        TrialRecord(trial=0, stage=1, hyperparameters={"lr": 1e-3}, seed=7, status="queued"),
        TrialRecord(
            trial=1,
            stage=1,
            hyperparameters={"lr": 0.1 + 0.2, "optimizer": "sgd", "nesterov": True, "layers": 3, "clip": None},
            seed=2**63 - 1,
            status="done",
            parent=0,
            epochs=3.5,
            objective=0.971,
            metrics={"val_loss": 0.1, "val_accuracy": None},
            started_at=1.7e9 + 1,
            ended_at=1.7e9 + 2,
            engine="batched",
            reason="its loss was 2.3 at step 41",
        ),
        a_curve(1, 0, 5),
        CurveRecord(
            trial=1,
            series="step_loss",
            steps=np.array([1, 2, 3]),
            epochs=np.array([0.1, 0.2, 0.3]),
            values=np.array([math.pi, math.nan, -1e-300]),
        ),
        FindingRecord(
            stage=1,
            finding=Finding(
                kind="best-on-border",
                message="The best sit at the border.",
                action="Widen it.",
                evidence={"share": 0.6},
                where="stage coarse",
                confidence=0.8,
            ),
        ),
        FindingRecord(
            stage=1, trial=1, finding=Finding(kind="diverged", message="m", action="a", follows_from="lr-too-high")
        ),
        DecisionRecord(
            stage=1, what="lr's box moves up a decade", why="5 of 8", before={"low": 1}, after={"low": 2}, at=1.7e9
        ),
        MemoRecord(key="plan", value={"stages": [1, 2.5, "three"], "none": None}),
        MemoRecord(key="nothing", value=None),
    ]
