"""A raw training as tables that other tools would have logged: per epoch or per step, with more or fewer columns."""

from __future__ import annotations

from collections.abc import Iterator

from recorded_trainings import Raw

VIEWS = ("epoch", "epoch-losses", "evaluated", "steps", "sparse", "rounded")


def views(raw: Raw, seed: int) -> Iterator[tuple[str, dict[str, list[float | None]]]]:
    """Name and columns of every view that the training can be shown in."""
    evaluations = raw.evaluations
    steps = len(raw.steps)
    per_epoch = raw.per_epoch
    metric = raw.metric
    epochs = steps // per_epoch
    after = evaluations[1:]
    if epochs >= 6 and len(after) >= 6:
        means = [raw.steps[int(a) : int(b)].mean(0) for a, b in zip([0, *after[:-1, 0]], after[:, 0], strict=True)]
        full = {
            "epoch": [round(float(s) / per_epoch, 3) for s in after[:, 0]],
            "train_loss": [float(m[0]) for m in means],
            "val_loss": after[:, 2].tolist(),
            f"train_{metric}": [float(m[1]) for m in means],
            f"val_{metric}": after[:, 4].tolist(),
            "lr": [float(raw.steps[int(s) - 1, 2]) for s in after[:, 0]],
        }
        yield "epoch", full
        yield "epoch-losses", {name: full[name] for name in ("epoch", "train_loss", "val_loss")}
        yield (
            "rounded",
            {
                name: [round(v, 4) for v in column]
                for name, column in full.items()
                if name not in (f"train_{metric}", "lr")
            },
        )
    yield (
        "evaluated",
        {
            "step": evaluations[:, 0].tolist(),
            "train_loss": evaluations[:, 1].tolist(),
            "val_loss": evaluations[:, 2].tolist(),
            f"train_{metric}": evaluations[:, 3].tolist(),
            f"val_{metric}": evaluations[:, 4].tolist(),
        },
    )
    every = max(1, steps // 1500)
    rows: dict[int, dict[str, float]] = {}
    for step in range(0, steps, every):
        rows[step] = {"train_loss": float(raw.steps[step, 0]), "lr": float(raw.steps[step, 2])}
    for line in evaluations:
        rows.setdefault(int(line[0]), {}).update({"val_loss": float(line[2]), f"val_{metric}": float(line[4])})
    columns = ["train_loss", "val_loss", f"val_{metric}", "lr"]
    table = {"step": [float(s) for s in sorted(rows)]}
    table |= {name: [rows[s].get(name) for s in sorted(rows)] for name in columns}
    yield "steps", table
    # one minibatch's loss beside every evaluation, as loops log that evaluate every so many steps
    yield (
        "sparse",
        {
            "step": after[:, 0].tolist(),
            "train_loss": [float(raw.steps[int(s) - 1, 0]) for s in after[:, 0]],
            "val_loss": after[:, 2].tolist(),
            f"val_{metric}": after[:, 4].tolist(),
        },
    )
