"""Train the corpus anew for some seeds and print how often the verdict is right and how often a healthy run alarms.

    python tests/diagnosis/measure_rates.py --seeds 10,11 [--evaluations 12] [--drop update_ratios,step_loss]

A script, not a test: a seed takes half a minute. Right: the verdict's kind is one of those planted. A false alarm is
any finding above info on a healthy run, others than the verdict included.
"""

from __future__ import annotations

import argparse
import collections
import dataclasses
import math

from planted import PLANTED, build, healthy, without

from goodfit.diagnosis.reading import diagnose_curves
from goodfit.findings import Severity
from goodfit.settings.curves import CurveSettings


def wilson(hits: int, n: int) -> tuple[float, float]:
    """The 95 % interval of a share."""
    z, p = 1.96, hits / n
    centre, half = p + z * z / (2 * n), z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return (centre - half) / (1 + z * z / n), (centre + half) / (1 + z * z / n)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", default="10,11")
    parser.add_argument("--evaluations", type=int, default=0, help="points per curve; 0: as planted")
    parser.add_argument("--drop", default="", help="fields of Curves to leave out")
    given = parser.parse_args()
    seeds = [int(seed) for seed in given.seeds.split(",")]
    dropped = [name for name in given.drop.split(",") if name]
    wrong: dict[str, list[str]] = collections.defaultdict(list)
    right = planted_runs = alarms = healthy_runs = 0
    for planted in (*PLANTED, *healthy()):
        if given.evaluations:
            planted = dataclasses.replace(
                planted, recipe=dataclasses.replace(planted.recipe, evaluations=given.evaluations)
            )
        for seed in seeds:
            reading = diagnose_curves(without(build(planted, seed), *dropped), CurveSettings())
            kinds = [finding.kind for finding in reading.findings]
            if planted.right == ("healthy",):
                loud = [f.kind for f in reading.findings if f.severity != Severity.INFO]
                healthy_runs += 1
                alarms += bool(loud)
                if loud:
                    wrong[planted.name].append("+".join(loud))
            else:
                # an annotation is never ahead of a cause
                good = reading.verdict.kind in planted.right or planted.right == ("easy-gain-at-start",) == tuple(
                    kind for kind in kinds if kind == "easy-gain-at-start"
                )
                planted_runs += 1
                right += good
                if not good:
                    wrong[planted.name].append("+".join(kinds))
    for name, what in wrong.items():
        print(f"{name:32s} {', '.join(what)}")
    low, high = wilson(right, planted_runs)
    print(
        f"right verdicts: {right} of {planted_runs} ({right / planted_runs:.1%}, 95 % interval {low:.1%} to {high:.1%})"
    )
    low, high = wilson(alarms, healthy_runs)
    print(f"false alarms: {alarms} of {healthy_runs} ({alarms / healthy_runs:.1%}, interval {low:.1%} to {high:.1%})")


if __name__ == "__main__":
    main()
