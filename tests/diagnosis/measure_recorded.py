"""Score what goodfit says of curves that were recorded elsewhere, on trainings with a planted condition.

    python tests/diagnosis/recorded_trainings.py FOLDER --seeds 0,1 [--half open]    train them (once; minutes)
    python tests/diagnosis/measure_recorded.py FOLDER [--half open|kept] [--show KIND] [--view steps]

Right: the verdict's kind is one of those that the condition makes right. A false alarm: any warning or error on a
healthy training. A run in which the planted change had no effect is left out, by what the raw training shows (`took`).
"""

from __future__ import annotations

import argparse
import collections
import dataclasses
import math
from collections.abc import Collection
from pathlib import Path

import numpy as np
from measure_rates import wilson
from recorded_trainings import CONDITIONS, WORKS, Raw, half_of, load
from recorded_views import views

import goodfit as gf

CONDITION = {condition.name: condition for condition in CONDITIONS}
WORK = {work.name: work for work in WORKS}


def took(name: str, raw: Raw, healthy: Raw | None) -> bool | str:
    """Whether the planted change had the effect that it is named for; "either" where healthy would be right, too.

    Judged on everything that was recorded, in eval mode, which the views show only in part.
    """
    e, chance = raw.evaluations, raw.facts["chance_loss"]
    train, val = e[:, 1], e[:, 2]
    end = float(np.median(train[-3:])) if np.isfinite(train[-3:]).all() else math.inf
    good = float(np.median(healthy.evaluations[-3:, 1])) if healthy is not None else 0.0
    good_val = float(np.nanmin(healthy.evaluations[:, 2])) if healthy is not None else 0.0
    best, last = float(np.nanmin(val)), float(np.median(val[-3:]))
    if name.startswith("healthy"):
        # one that went on to overfit, or had not nearly arrived, is none
        if healthy is not None and best > good_val + 0.08 * (chance - good_val):
            return False
        return (last < best + 0.08 * (chance - best) and best < 0.6 * chance) or (
            raw.facts["classes"] == 0 and last < 1.05 * best
        )
    if name.startswith("low"):
        return end > good + 0.3 * (chance - good)
    if name.startswith("high") or name == "no-clear":
        return not math.isfinite(end) or end > good + 0.25 * (chance - good)
    if name.startswith("overfit"):
        return last > best + 0.1 * (chance - best) or last - end > 0.3 * (chance - end)
    if name in ("linear", "narrow") and not raw.facts["classes"]:
        return False  # noise in the targets is a floor as well: nobody could tell
    if name in ("linear", "narrow", "decayed", "dropped"):
        learned = float(np.median(e[-3:, 3])) > raw.facts["chance_metric"] + 0.1
        level = float(np.median(train[-len(train) // 3 :][:3])) - end < 0.1 * (chance - end)
        return learned and level and end > good + 0.15 * (chance - good) and last - end < 0.1 * chance
    if name == "short":
        return best > good_val + 0.08 * (chance - good_val)
    if name in ("early-decay", "exponential"):
        return end > good + 0.15 * (chance - good)
    if name == "long":
        early = val[: max(len(val) // 4, 2)]
        return best > float(np.nanmin(early)) - 0.02 * chance
    if name == "spikes":
        late = raw.steps[len(raw.steps) // 5 :, 0]
        return bool((late > np.median(late) + 0.3 * chance).sum() >= 3)
    if name in ("saturated", "tiny-init"):
        flat = np.flatnonzero(train < train[0] - 0.03 * chance)
        return "either" if not len(flat) or flat[0] < len(train) / 8 else True
    if name == "final30":
        return train[0] > 1.5 * chance
    if name == "noisy":
        late = e[len(e) // 2 :, 4]
        return float(np.std(np.diff(late)) / math.sqrt(2)) > 0.02
    if name == "label-noise":
        return last < end - 0.1
    if name == "zeroed":
        return True
    return True


def _rose(raw: Raw) -> bool:
    """Whether validation's loss rose by a tenth of what was learned: it overfits as well."""
    val = raw.evaluations[:, 2]
    best = float(np.nanmin(val))
    return float(np.median(val[-3:])) > best + 0.1 * (raw.facts["chance_loss"] - best)


def also_right(name: str, view: str, columns: Collection[str]) -> tuple[str, ...]:
    """What else may be said where a view does not show what was planted."""
    if name in ("early-decay", "exponential") and "lr" not in columns:
        return ("too-few-steps", "underfitting-capacity", "lr-too-low", "too-many-steps", "bad-initialisation")
    if name == "spikes" and view != "steps":
        return ("healthy", "noisy-validation", "overfitting", "too-many-steps")
    if name == "final30" and view not in ("evaluated", "steps"):
        return ("healthy", "overfitting", "too-many-steps", "too-few-steps")
    if name == "dropped" and view == "evaluated":
        return ("healthy", "too-few-steps")
    return ("lr-too-low",) if name == "zeroed" else ()


@dataclasses.dataclass
class Score:
    right: int = 0
    total: int = 0

    def __str__(self) -> str:
        if not self.total:
            return "none"
        low, high = wilson(self.right, self.total)
        return f"{self.right} of {self.total} ({self.right / self.total:.1%}, 95 % interval {low:.1%} to {high:.1%})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--half", choices=("", "open", "kept"), default="")
    parser.add_argument("--show", default="", help="list the wrong ones of this condition")
    parser.add_argument("--view", default="")
    parser.add_argument("--only", default="", help="conditions whose name begins so")
    parser.add_argument("--seed", default="")
    parser.add_argument("--classes", action="store_true", help="say the number of classes")
    given = parser.parse_args()
    by_condition: dict[str, Score] = collections.defaultdict(Score)
    by_view: dict[str, Score] = collections.defaultdict(Score)
    alarms: dict[str, Score] = collections.defaultdict(Score)
    wrong: dict[str, list[str]] = collections.defaultdict(list)
    listed = 0
    all_right, all_alarms, anywhere = Score(), Score(), Score()
    for path in sorted(given.folder.glob("*.npz")):
        work, name, seed = path.stem.split(".")
        if not name.startswith(given.only):
            continue
        if (given.half and half_of(WORK[work]) != given.half) or given.seed not in ("", seed):
            continue
        raw = load(path)
        base = given.folder / f"{work}.healthy.{seed}.npz"
        effect = took(name, raw, load(base) if base.exists() else None)
        if not effect:
            listed += 1
            continue
        rose = name == "noisy" and _rose(raw)
        right = (
            *CONDITION[name].right,
            *(("overfitting",) if rose else ()),
            *(("healthy", "not-enough-points") if effect == "either" else ()),
        )
        for view, columns in views(raw, int(seed)):
            if given.view and view != given.view:
                continue
            if name == "same-order" and view != "steps":
                continue
            right_here = (*right, *also_right(name, view, columns))
            classes = raw.facts["classes"] if given.classes and raw.facts["classes"] else None
            findings = gf.diagnose(columns, classes=classes)
            kinds = [f.kind for f in findings]
            verdict = kinds[0] if kinds else "nothing"
            if name.startswith("healthy"):
                loud = [f.kind for f in findings if str(f.severity) != "info"]
                for score in (alarms[name], all_alarms):
                    score.total += 1
                    score.right += bool(loud)
                if loud:
                    wrong[name].append(f"{work}.{seed}.{view}: {'+'.join(loud)}")
                continue
            good = verdict in right_here or (name == "final30" and "easy-gain-at-start" in kinds)
            for score in (by_condition[name], by_view[view], all_right):
                score.total += 1
                score.right += good
            anywhere.total += 1
            anywhere.right += bool(set(kinds) & set(right_here))
            if not good:
                wrong[name].append(f"{work}.{seed}.{view}: {'+'.join(kinds)}")
    for name, score in {**by_condition, **alarms}.items():
        said = collections.Counter(entry.split(": ")[1].split("+")[0] for entry in wrong[name])
        print(
            f"{name:20s} {score.right:3d} of {score.total:3d}   {', '.join(f'{k} {n}' for k, n in said.most_common())}"
        )
        if given.show in (name, "all"):
            print("\n".join(f"    {entry}" for entry in wrong[name]))
    for view, score in by_view.items():
        print(f"view {view:15s} {score}")
    print(f"left out, for the change had no effect: {listed} trainings")
    print(f"right verdict first: {all_right}")
    print(f"right verdict somewhere: {anywhere}")
    print(f"false alarms on healthy: {all_alarms}")


if __name__ == "__main__":
    main()
