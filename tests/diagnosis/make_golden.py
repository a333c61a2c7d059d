"""Train one planted condition each and record its curves: python tests/diagnosis/make_golden.py [NAME ...]

Writes tests/diagnosis/golden/NAME.csv and NAME.json. What the rules say of them, NAME.expected, is the test's:
pytest tests/diagnosis --update-golden. Curves are recorded once; train anew only to add one.
"""

from __future__ import annotations

import sys
from pathlib import Path

from golden_files import thinned, write_curves
from planted import PLANTED, build, healthy

GOLDEN = Path(__file__).parent / "golden"
SEED = 0
HEALTHY = ("digits-adam", "digits-momentum-steps", "digits-sgd", "diabetes-adam", "moons-adam", "digits-few-points")


def main(names: list[str]) -> None:
    GOLDEN.mkdir(exist_ok=True)
    wanted = [p for p in PLANTED if not names or p.name in names]
    wanted += [p for p in healthy() if (p.name in names if names else p.name.removeprefix("healthy-") in HEALTHY)]
    for planted in wanted:
        # a period cannot be seen in every fifth step
        rows = 2000 if planted.name == "same-order" else 240
        write_curves(GOLDEN / f"{planted.name}.csv", thinned(build(planted, SEED), rows))
        print(planted.name)


if __name__ == "__main__":
    main(sys.argv[1:])
