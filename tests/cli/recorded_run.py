"""The events of a whole run, as a recipe sends them; used by the tests of whatever shows a run."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from goodfit.findings import Finding
from goodfit.recipe.progress import (
    Decided,
    Found,
    PlannedStage,
    ProgressEvent,
    RunEnded,
    RunStarted,
    StageEnded,
    StageProgress,
    StageStarted,
)
from goodfit.recipe.result import StageName, StageResult, Verdict

BEST: dict[str, Any] = {
    "lr": 0.0123,
    "momentum": 0.93,
    "weight_decay": 3.2e-4,
    "dropout": 0.21,
    "width": 256,
    "layers": 2,
    "optimizer": "sgd",
    "batch_size": 64,
}

PLAN = (
    PlannedStage(StageName.DATA, 1, "reads and splits"),
    PlannedStage(StageName.INITIAL_LOSS, 1, "3 builds"),
    PlannedStage(StageName.OVERFIT, 6, "8 rates × 500 steps"),
    PlannedStage(StageName.LEARNING_RATE, 12, "32 rates × 200 steps"),
    PlannedStage(StageName.COARSE, 200, "64 trials × 3 epochs"),
    PlannedStage(StageName.FINE, 180, "24 trials × 9 epochs"),
    PlannedStage(StageName.FINAL, 100, "5 seeds × 30 epochs"),
)

WORSE_START = Finding(
    kind="bad-initialisation",
    message="The initial loss is 3.91 nats where chance predicts 2.303: the last layer starts 4.1 times too large",
    action="Scale the last layer's weights down by 4, or set its bias to the log of the class shares",
    where="stage initial-loss",
)
DIVERGED = Finding(
    kind="diverged",
    message="3 of 64 trials diverged, all with lr above 0.6",
    action="Lower the top of lr's range to 0.5",
    where="stage coarse",
)


def document(status: str = "done") -> dict[str, Any]:
    return {
        "version": 1,
        "task": "digits",
        "seed": 0,
        "status": status,
        "steps": [],
        "best": {
            "hyperparameters": BEST,
            "val": {"loss": 0.0721, "accuracy": 0.983},
            "test": {"loss": 0.081, "accuracy": 0.9789},
            "seeds": 5,
            "spread": 0.0031,
            "variant": "ensemble",
        },
        "findings": [WORSE_START.as_json(), DIVERGED.as_json()],
        "trials": 133,
        "epochs": 1118.0,
        "seconds": 470.2,
    }


def _ended(stage: StageName, summary: str, verdict: Verdict = Verdict.PASS, **more: Any) -> StageEnded:
    return StageEnded(StageResult(stage=stage, verdict=verdict, summary=summary, **more))


def whole_run(out: str = "runs/digits-1") -> Iterator[tuple[float, ProgressEvent]]:
    """Pairs of the seconds since the event before, and the event."""
    yield 0, RunStarted("digits", out, "cpu", 0, 600.0, False, PLAN)
    yield 0, StageStarted(StageName.DATA, 1, "reads and splits")
    yield (
        0.1,
        _ended(StageName.DATA, "1,437 training, 180 validation and 180 test samples in 10 classes", seconds=0.12),
    )
    yield 0, StageStarted(StageName.INITIAL_LOSS, 1, "3 builds on 256 samples")
    yield 0.8, Found(WORSE_START)
    summary = "The initial loss is 3.91 nats, 1.61 above what chance predicts"
    yield 0, _ended(StageName.INITIAL_LOSS, summary, Verdict.WARN, seconds=0.8, findings=(WORSE_START,))
    yield 0, StageStarted(StageName.OVERFIT, 1, "8 rates × 500 steps on 20 samples")
    summary = "20 samples were learnt to 100 % at 6 of 8 learning rates"
    yield 5.4, _ended(StageName.OVERFIT, summary, trials=8, epochs=500, seconds=5.4)
    yield 0, StageStarted(StageName.LEARNING_RATE, 1, "32 rates × 200 steps")
    summary = "The loss falls between lr 3.2e-5 and 0.41; beyond 1.3 it explodes"
    yield 11.2, _ended(StageName.LEARNING_RATE, summary, trials=32, epochs=60, seconds=11.2)
    yield 0, StageStarted(StageName.COARSE, 1, "64 trials × 3 epochs over lr, weight_decay, dropout")
    yield from _searching(StageName.COARSE, 18, 64, trial=7, steps=60)
    summary = "57 of 64 trials beat chance; the best reached val accuracy 0.964 (trial 7)"
    yield 0, _ended(StageName.COARSE, summary, trials=64, epochs=192, seconds=187)
    yield 0, Decided("lr's box narrows to [3.2e-3, 0.08]", "the best 8 of 64 trials lie within it")
    yield 0, StageStarted(StageName.FINE, 2, "24 trials × 9 epochs")
    yield from _searching(StageName.FINE, 220, 24, trial=71, steps=20)
    summary = "val accuracy 0.975 (trial 71), a gain of 0.011 over the coarse search"
    yield 0, _ended(StageName.FINE, summary, round=2, trials=24, epochs=216, seconds=150)
    yield 0, _ended(StageName.CURVES, "The best trial is healthy: the gap is 0.02 nats", seconds=0.2)
    yield 0, Decided("Go on to the final training.", "The gain of the last round is below the noise.")
    yield 0, _ended(StageName.DECIDE, "The search is done: the last round gained less than the noise")
    yield 0, StageStarted(StageName.FINAL, 1, "5 seeds × 30 epochs")
    summary = "5 seeds reached val accuracy 0.978 ± 0.003, their ensemble 0.983"
    yield 98, _ended(StageName.FINAL, summary, trials=5, epochs=150, seconds=98)
    yield 0, RunEnded(document(), out)


def _searching(
    stage: StageName, start: float, trials: int, trial: int, steps: int
) -> Iterator[tuple[float, ProgressEvent]]:
    curve: list[float] = []
    for i in range(steps):
        curve.append(0.97 - 0.6 * math.exp(-i / 12))
        done = i / steps
        yield (
            2.5,
            StageProgress(
                stage,
                done,
                trials_running=min(8, trials - int(done * trials)),
                trials_done=int(done * trials),
                trials_diverged=3 if stage is StageName.COARSE and i > 20 else 0,
                trials_total=trials,
                best={"trial": trial, "val_accuracy": curve[-1], "hyperparameters": BEST},
                elapsed_seconds=start + 2.5 * i,
                seconds_left=600 - start - 2.5 * i,
                live_curve=tuple(curve),
            ),
        )
        if stage is StageName.COARSE and i == 20:
            yield 0, Found(DIVERGED)
