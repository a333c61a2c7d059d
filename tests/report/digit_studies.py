"""Snapshots of real, small studies: networks trained here on scikit-learn's digits, in plain PyTorch."""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import Tensor, nn

from goodfit.findings import Finding
from goodfit.ledger.records import (
    CurveRecord,
    DecisionRecord,
    FindingRecord,
    Snapshot,
    StageRecord,
    StudyRecord,
    TrialRecord,
)

CHANCE = math.log(10)
WIDE = {
    "lr[optimizer=sgd]": {"scale": "log", "low": 1e-3, "high": 1.0, "name": "lr", "when": {"optimizer": ["sgd"]}},
    "lr[optimizer=adamw]": {"scale": "log", "low": 3e-3, "high": 1.0, "name": "lr", "when": {"optimizer": ["adamw"]}},
    "weight_decay": {"scale": "log", "low": 1e-6, "high": 1e-1, "zero": 0.2},
    "momentum": {"scale": "reverse_log", "low": 0.5, "high": 0.99},
    "width": {"scale": "powers_of_two", "low": 16, "high": 64},
    "dropout": {"scale": "linear", "low": 0.0, "high": 0.5},
    "optimizer": {"scale": "choice", "values": ["sgd", "adamw"]},
}
NARROW = {
    **WIDE,
    "lr[optimizer=sgd]": {**WIDE["lr[optimizer=sgd]"], "low": 2e-2, "high": 2e-1},
    "lr[optimizer=adamw]": {**WIDE["lr[optimizer=adamw]"], "low": 3e-2, "high": 3e-1},
    "weight_decay": {"scale": "log", "low": 1e-5, "high": 1e-2, "zero": 0.2},
}


@dataclasses.dataclass
class Builder:
    """Collects the records of one study."""

    x: Tensor
    y: Tensor
    stages: list[StageRecord] = dataclasses.field(default_factory=list)
    trials: list[TrialRecord] = dataclasses.field(default_factory=list)
    curves: dict[int, dict[str, CurveRecord]] = dataclasses.field(default_factory=dict)
    findings: list[FindingRecord] = dataclasses.field(default_factory=list)
    decisions: list[DecisionRecord] = dataclasses.field(default_factory=list)

    def stage(self, stage: str, verdict: str, summary: str, **rest: Any) -> int:
        number = len(self.stages)
        self.stages.append(StageRecord(number=number, stage=stage, round=1, verdict=verdict, summary=summary, **rest))
        return number

    def train(
        self, stage: int, hp: Mapping[str, Any], steps: int, seed: int = 0, samples: int = 1200, ratios: bool = False
    ) -> TrialRecord:
        """One trial of a multilayer perceptron, until its steps are done or its loss is no number."""
        number = len(self.trials)
        torch.manual_seed(seed)
        width, batch_size = hp.get("width", 32), min(hp.get("batch_size", 64), samples)
        model = nn.Sequential(nn.Linear(64, width), nn.ReLU(), nn.Dropout(hp.get("dropout", 0.0)), nn.Linear(width, 10))
        named = dict(model.named_parameters())
        decay, lr = hp.get("weight_decay", 0.0), hp["lr"]
        if hp.get("optimizer") == "adamw":
            optimizer = torch.optim.AdamW(model.parameters(), lr=lr / 10, weight_decay=decay)
        else:
            optimizer = torch.optim.SGD(model.parameters(), lr=lr, momentum=hp.get("momentum", 0.9), weight_decay=decay)
        rows: dict[str, list[tuple[int, float]]] = {}
        status, reason, first = "done", "", math.inf
        looks = {0, steps, *(steps * i // 12 for i in range(12))}
        for step in range(steps + 1):
            if step in looks:
                for split, part in (("train", slice(0, min(samples, 400))), ("val", slice(1200, 1797))):
                    with torch.no_grad():
                        model.eval()
                        scores = model(self.x[part])
                        model.train()
                    rows.setdefault(f"{split}_loss", []).append((step, F.cross_entropy(scores, self.y[part]).item()))
                    right = (scores.argmax(1) == self.y[part]).double().mean().item()
                    rows.setdefault(f"{split}_accuracy", []).append((step, right))
            if step == steps:
                break
            chosen = torch.randint(samples, (batch_size,))
            loss = F.cross_entropy(model(self.x[chosen]), self.y[chosen])
            rows.setdefault("step_loss", []).append((step, loss.item()))
            rows.setdefault("lr", []).append((step, lr))
            first = min(first, loss.item()) if step == 0 else first
            if not math.isfinite(loss.item()) or loss.item() > 30 * first:
                status = "diverged"
                reason = f"loss {loss.item():.3g} at step {step} is more than 30 times the first ({first:.3g})"
                break
            before = {k: p.detach().clone() for k, p in named.items()} if ratios and step % 10 == 0 else {}
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            for name, old in before.items():
                ratio = ((named[name].detach() - old).norm() / old.norm()).item()
                rows.setdefault(f"update_ratio/{name}", []).append((step, ratio))
        per_epoch = samples / batch_size
        self.curves[number] = {
            series: CurveRecord(
                trial=number,
                series=series,
                steps=np.array([s for s, _ in points], dtype=np.int64),
                epochs=np.array([s / per_epoch for s, _ in points]),
                values=np.array([v for _, v in points]),
            )
            for series, points in rows.items()
        }
        last = {k: v[-1][1] for k, v in rows.items() if k.startswith(("val_", "train_"))}
        feasible = status == "done"
        record = TrialRecord(
            trial=number,
            stage=stage,
            hyperparameters=dict(hp),
            seed=seed,
            status=status,
            epochs=step / per_epoch,
            objective=last["val_accuracy"] if feasible else None,
            metrics=last,
            started_at=1_790_000_000.0 + number,
            ended_at=1_790_000_000.9 + number,
            engine="batched",
            reason=reason,
        )
        self.trials.append(record)
        return record

    def snapshot(self, result: Mapping[str, Any] | None, status: str) -> Snapshot:
        study = StudyRecord(
            study="digits-0",
            task="digits",
            seed=0,
            objective="max val accuracy",
            command="goodfit run examples/digits.py --budget 2m --seed 0",
            device="CPU, 2 cores (AMD EPYC)",
            versions={"goodfit": "0.1.0", "python": "3.11.2", "torch": torch.__version__, "numpy": np.__version__},
            fingerprint="sha256:4be1c0ffee",
            source="task = gf.Task(\n    name='digits',\n    loss=F.cross_entropy,\n)\n",
            space=WIDE,
            settings={
                "overfit.steps": 300,
                "learning_rate.ladder": [1e-3, 1e-2, 1e-1, 1.0],
                "search.coarse_trials": 16,
            },
            options={"budget_seconds": 120.0, "force": False},
            created_at=1_790_000_000.0,
            status=status,
        )
        return Snapshot(
            study=study,
            stages=tuple(self.stages),
            trials=tuple(self.trials),
            curves=self.curves,
            findings=tuple(self.findings),
            decisions=tuple(self.decisions),
            memos={} if result is None else {"result": result},
        )


def new_builder() -> Builder:
    digits = load_digits()
    order = np.random.default_rng(0).permutation(len(digits.target))
    x = torch.tensor(digits.data[order] / 16.0, dtype=torch.float32)
    return Builder((x - x.mean()) / x.std(), torch.tensor(digits.target[order]))


@functools.cache
def digits_study() -> Snapshot:
    """A run that went through all its stages, with diverged trials, several optimizers, decisions and findings."""
    torch.set_num_threads(1)
    b = new_builder()
    rng = np.random.default_rng(1)
    b.stage(
        "data",
        "pass",
        "1,200 training and 597 validation samples of [64] float32; 10 classes, the largest 10.5 %.",
        evidence={"train_samples": 1200, "val_samples": 597, "classes": 10, "class_counts": [119, 121, 118, 122]},
        seconds=0.21,
    )
    b.stage(
        "initial-loss",
        "warn",
        "The first loss is 2.39, 4 % above the 2.303 of chance; the outputs are a little confident at the start.",
        findings=("initial-loss-off",),
        evidence={"initial_loss": 2.3912345, "expected_loss": CHANCE, "standard_error": 0.0081, "output_spread": 0.42},
        seconds=0.08,
    )
    overfit = b.stage(
        "overfit",
        "pass",
        "20 samples are learned to 100 % at lr 0.1: the loss fell to 0.3 % of its start in 118 steps.",
        evidence={"samples": 20, "lr": 0.1, "steps": 118, "loss_fraction": 0.0031, "passed": True},
        trials=4,
        epochs=600,
        seconds=1.4,
    )
    for lr in (1e-3, 1e-2, 1e-1, 1.0):
        b.train(overfit, {"lr": lr}, 120, samples=20)
    ladder, lrs = [], [1e-4, 1e-3, 1e-2, 3e-2, 1e-1, 3e-1, 1.0, 3.0]
    bracket = len(b.stages)
    for lr in lrs:
        trial = b.train(bracket, {"lr": lr, "weight_decay": 1e-5}, 80)
        losses = b.curves[trial.trial]["step_loss"].values
        drop = 1 - float(np.mean(losses[-10:])) / float(losses[0])
        words = ("flat-low", "going-down", "going-down-well")
        name = words[(drop > 0.05) + (drop > 0.5)]
        name = "exploding" if trial.status == "diverged" else "flat-high" if drop <= 0.05 and lr > 0.1 else name
        ladder.append({"lr": lr, "class": name, "drop": round(drop, 4), "z": round(drop * 30, 2)})
    b.stage(
        "learning-rate",
        "pass",
        "lr 0.1 lowers the loss most in 80 steps; below 3e-4 nothing happens, above 1 it explodes.",
        evidence={"ladder": ladder, "lr_star": 0.1, "lr_max": 1.0, "flat_low": 3e-4, "confirmed_seeds": 3},
        trials=len(lrs),
        epochs=34.1,
        seconds=2.2,
    )

    def draw(space: Mapping[str, Any]) -> dict[str, Any]:
        optimizer = str(rng.choice(["sgd", "adamw"]))
        low, high = (math.log10(space[f"lr[optimizer={optimizer}]"][k]) for k in ("low", "high"))
        wd_low, wd_high = (math.log10(space["weight_decay"][k]) for k in ("low", "high"))
        return {
            "lr": 10 ** rng.uniform(low, high),
            "weight_decay": 0.0 if rng.random() < 0.2 else 10 ** rng.uniform(wd_low, wd_high),
            "momentum": 1 - 10 ** rng.uniform(-2, -0.3),
            "width": int(2 ** rng.integers(4, 7)),
            "dropout": rng.uniform(0, 0.5),
            "optimizer": optimizer,
            "batch_size": 64,
        }

    coarse = b.stage(
        "coarse", "pass", "16 trials × 4 epochs; lr matters most.", trials=16, epochs=64, seconds=9.3, space=WIDE
    )
    for _ in range(14):
        b.train(coarse, draw(WIDE), 76)
    b.train(coarse, {**draw(WIDE), "lr": 0.95, "momentum": 0.985, "optimizer": "sgd", "weight_decay": 0.08}, 76)
    b.train(coarse, {**draw(WIDE), "lr": 40.0, "optimizer": "sgd"}, 76)
    fine = b.stage(
        "fine", "pass", "8 trials × 10 epochs in a narrower box.", trials=8, epochs=80, seconds=21.0, space=NARROW
    )
    refined = [b.train(fine, draw(NARROW), 187, seed=i, ratios=True) for i in range(7)]
    best = max(refined, key=lambda t: t.objective or 0.0)
    b.findings += [
        FindingRecord(
            stage=1,
            finding=Finding(
                kind="initial-loss-off",
                message="The first loss is 2.39 where outputs near zero would give 2.303.",
                action="Scale the last layer's weights down to a tenth; goodfit goes on, for the difference is small.",
                evidence={"initial_loss": 2.3912, "expected": CHANCE},
                where="stage initial-loss",
                confidence=0.9,
            ),
        ),
        FindingRecord(
            stage=fine,
            finding=Finding(
                kind="best-on-border",
                message="The best trials crowd the upper end of width, 64.",
                action="Search again with width up to 128.",
                evidence={"hyperparameter": "width", "dimension": "width", "side": "high", "top5_near": 3},
                where="stage fine",
                confidence=0.8,
            ),
        ),
        FindingRecord(
            stage=fine + 1,
            trial=refined[0].trial,
            finding=Finding(
                kind="overfitting",
                message=f"Trial {refined[0].trial}: validation loss rose by 0.06 since epoch 6 while training fell.",
                action="Raise weight_decay and dropout in the next round.",
                evidence={"gap_nats": 0.21, "turned_at_epoch": 6.1},
                where=f"trial {refined[0].trial}",
                confidence=0.72,
            ),
        ),
        FindingRecord(
            stage=fine + 1,
            trial=best.trial,
            finding=Finding(
                kind="too-few-steps",
                message=f"Trial {best.trial}: training and validation are still improving at the last epoch.",
                action="Train 30 epochs instead of 10.",
                evidence={"slope_per_epoch": 0.004},
                where=f"trial {best.trial}",
                confidence=0.66,
            ),
        ),
    ]
    b.stage(
        "curves",
        "pass",
        "The best trial still improves; one of three overfits.",
        findings=("too-few-steps", "overfitting"),
    )
    b.decisions += [
        DecisionRecord(
            stage=coarse,
            what="The box of lr shrinks to a factor of 15 around the best.",
            why="The 4 best of 16 lie between 0.03 and 0.2.",
            before={"space": WIDE, "epochs": 4},
            after={"space": NARROW, "epochs": 10},
        ),
        DecisionRecord(
            stage=fine + 1,
            what="The search ends; the final training takes 30 epochs.",
            why="The last round gained 0.2 points, less than twice the noise over seeds (0.3).",
            before={"epochs": 10},
            after={"epochs": 30},
        ),
    ]
    b.stage("decide", "pass", "The gain of the last round is below the noise: the search ends.")
    final = b.stage("final", "pass", "3 seeds × 16 epochs, decayed.", trials=3, epochs=48, seconds=19.4)
    repeats = [b.train(final, best.hyperparameters, 300, seed=s, ratios=True) for s in (11, 12, 13)]
    reached = [t.objective or 0.0 for t in repeats]
    result = {
        "version": 1,
        "task": "digits",
        "seed": 0,
        "status": "done",
        "steps": [],
        "best": {
            "hyperparameters": dict(best.hyperparameters),
            "val": {
                "loss": float(np.mean([t.metrics["val_loss"] for t in repeats])),
                "accuracy": float(np.mean(reached)),
            },
            "test": {"loss": 0.1411, "accuracy": 0.9612, "accuracy_interval": [0.9402, 0.9751]},
            "seeds": 3,
            "spread": float(np.std(reached, ddof=1)),
            "variant": "averaged",
        },
        "findings": [],
        "trials": len(b.trials),
        "epochs": float(sum(t.epochs for t in b.trials)),
        "seconds": 53.6,
    }
    return b.snapshot(result, "done")


def shortened(snapshot: Snapshot, stages: int, status: str, result: Mapping[str, Any] | None = None) -> Snapshot:
    """The snapshot as it stood after its first `stages` stages."""
    kept = tuple(t for t in snapshot.trials if t.stage < stages)
    return dataclasses.replace(
        snapshot,
        study=dataclasses.replace(snapshot.study, status=status),
        stages=snapshot.stages[:stages],
        trials=kept,
        curves={t.trial: snapshot.curves[t.trial] for t in kept},
        findings=tuple(f for f in snapshot.findings if f.stage < stages),
        decisions=tuple(d for d in snapshot.decisions if d.stage < stages),
        memos={} if result is None else {"result": result},
    )


def large_study(trials: int = 300, points: int = 100) -> Snapshot:
    """The digits study with its search's trials repeated, their curves stretched to `points` points."""
    base = digits_study()
    searched = [t for t in base.trials if t.stage == 4]
    rng = np.random.default_rng(2)
    records, curves = list(base.trials), dict(base.curves)
    for number in range(len(records), trials):
        like = searched[number % len(searched)]
        factor = float(rng.uniform(0.9, 1.1))
        hp = {k: v * factor if isinstance(v, float) else v for k, v in like.hyperparameters.items()}
        objective = None if like.objective is None else like.objective * min(factor, 1.0)
        records.append(dataclasses.replace(like, trial=number, hyperparameters=hp, objective=objective))
        curves[number] = {
            series: dataclasses.replace(
                curve,
                trial=number,
                steps=np.arange(points, dtype=np.int64),
                epochs=np.linspace(0, 4, points),
                values=np.interp(np.linspace(0, 1, points), np.linspace(0, 1, len(curve.values)), curve.values)
                * rng.uniform(0.97, 1.03, points),
            )
            for series, curve in base.curves[like.trial].items()
        }
    return dataclasses.replace(base, trials=tuple(records), curves=curves)
