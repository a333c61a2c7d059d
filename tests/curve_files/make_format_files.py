"""Write a real training as six tools would have logged it: python tests/curve_files/make_format_files.py

Trains one network that overfits (tests/diagnosis/recorded_trainings.py) and writes tests/curve_files/golden/*. What
goodfit says of them stands beside each as .expected: pytest tests/curve_files --update-golden.
"""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent.parent / "diagnosis"))

from recorded_trainings import CONDITIONS, WORKS, Setup, train

GOLDEN = Path(__file__).parent / "golden"


def main() -> None:
    work = next(w for w in WORKS if w.name == "blobs")
    changes = next(c for c in CONDITIONS if c.name == "overfit").changes
    raw = train(Setup(work, **{**changes, "times_epochs": 2.0}), seed=3)
    ends = raw.evaluations[1:, 0].astype(int)
    parts = [raw.steps[a:b] for a, b in zip([0, *ends[:-1]], ends, strict=True)]
    epochs = [
        {
            "loss": p[:, 0].mean(),
            "acc": p[:, 1].mean(),
            "val_loss": e[2],
            "val_acc": e[4],
            "lr": p[-1, 2],
            "step": int(e[0]),
        }
        for p, e in zip(parts, raw.evaluations[1:], strict=True)
    ]
    GOLDEN.mkdir(exist_ok=True)

    def table(name: str, header: list[str], rows: list[list[object]]) -> None:
        with (GOLDEN / name).open("w", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(header)
            writer.writerows([[f"{v:.6g}" if isinstance(v, float | np.floating) else v for v in row] for row in rows])

    keras = ["accuracy", "learning_rate", "loss", "val_accuracy", "val_loss"]
    names = ("acc", "lr", "loss", "val_acc", "val_loss")
    table("keras.csv", ["epoch", *keras], [[i, *(e[n] for n in names)] for i, e in enumerate(epochs)])
    rows: list[list[object]] = []
    for i, e in enumerate(epochs):
        rows.append([i, e["step"] - 1, "", "", e["val_acc"], e["val_loss"]])
        rows.append([i, e["step"] - 1, e["acc"], e["loss"], "", ""])
    table("lightning.csv", ["epoch", "step", "train_acc", "train_loss", "val_acc", "val_loss"], rows)
    run = "sunny-dew-4"
    spread = [f"{run} - {n}{end}" for n in ("train/loss", "val/loss") for end in ("", "__MIN", "__MAX")]
    table("wandb.csv", ["Step", *spread], [[e["step"], *[e["loss"]] * 3, *[e["val_loss"]] * 3] for e in epochs])
    long = [[e["step"], n, e[k]] for e in epochs for n, k in (("Loss/train", "loss"), ("Loss/val", "val_loss"))]
    table("long.csv", ["step", "tag", "value"], long)
    lines = [
        json.dumps({"epoch": i + 1, "tr_loss": e["loss"], "eval_loss": e["val_loss"]}) for i, e in enumerate(epochs)
    ]
    (GOLDEN / "lines.jsonl").write_text("\n".join(lines) + "\n")
    history: list[dict[str, object]] = []
    for i, e in enumerate(epochs, start=1):
        history.append({"epoch": float(i), "step": e["step"], "loss": round(e["loss"], 4), "learning_rate": e["lr"]})
        history.append(
            {"epoch": float(i), "step": e["step"], "eval_loss": e["val_loss"], "eval_accuracy": e["val_acc"]}
        )
    state = {"global_step": int(ends[-1]), "log_history": history}
    (GOLDEN / "trainer_state.json").write_text(json.dumps(state, indent=1) + "\n")


if __name__ == "__main__":
    main()
