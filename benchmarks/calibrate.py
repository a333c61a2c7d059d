"""How often the search's rules are wrong: false alarms on tasks without any effect, misses on planted ones.

    python benchmarks/calibrate.py                      # the table of docs/calibration.md
    python benchmarks/calibrate.py --rounds 200 border  # fewer rounds, only the cases whose name has "border"

Nothing is trained: trials are points of a space with made-up scores, and go through the same functions as a run's. Each
rate stands with its 95 % interval (Wilson's) and with what it should be.
"""

from __future__ import annotations

import argparse
import time

from calibrate_cases import CASES, Case


def wilson(hits: int, n: int, z: float = 1.96) -> tuple[float, float]:
    """The 95 % interval of a rate.

    Source: Wilson (1927).

    Example:
        >>> low, high = wilson(5, 100)
        >>> round(low, 3), round(high, 3)
        (0.022, 0.112)
    """
    share = hits / n
    middle = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * (share * (1 - share) / n + z**2 / (4 * n**2)) ** 0.5
    return max(middle - half, 0.0), min(middle + half, 1.0)


def row(case: Case, rounds: int) -> str:
    """The case's line of the table."""
    n = min(case.rounds or rounds, rounds)
    hits: list[bool] = []
    seed = 0
    while len(hits) < n:
        found = case.look(seed)
        hits += found if isinstance(found, list) else [bool(found)]
        seed += 1
    hits = hits[:n]
    rate = sum(hits) / n
    low, high = wilson(sum(hits), n)
    return f"| {case.name} | {case.about} | {case.goal} | {rate:.1%} | {low:.1%} to {high:.1%} | {n} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("only", nargs="*", help="parts of the names of the cases to run; all without any")
    parser.add_argument("--rounds", type=int, default=1000, help="made-up studies for each case (default: 1000)")
    arguments = parser.parse_args()
    print("| rule | on | should be | is | 95 % interval | studies |\n|---|---|---|---|---|---|")
    start = time.process_time()
    for case in CASES:
        if not arguments.only or any(part in case.name for part in arguments.only):
            print(row(case, arguments.rounds), flush=True)
    print(f"\n{time.process_time() - start:.0f} s of processor time.")


if __name__ == "__main__":
    main()
