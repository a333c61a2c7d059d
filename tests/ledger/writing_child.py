"""Writes to a ledger until it is killed; says on standard output what is committed, after each commit.

Batch b holds: a memo "b", trial b, and the steps [10 b, 10 b + 10) of a curve; each third batch tells the batch before
once more. Arguments: the ledger, and the number of the first batch.
"""

from __future__ import annotations

import sys

from ledger_made import a_curve, a_study

from goodfit.clock import ManualClock
from goodfit.ledger.records import MemoRecord, TrialRecord
from goodfit.ledger.store import open_ledger
from goodfit.ledger.writer import Writer


def main() -> None:
    store = open_ledger(sys.argv[1])
    first = int(sys.argv[2])
    study = store.begin(a_study()) if first == 0 else store.resume("digits")
    writer = Writer(study, ManualClock(), interval_seconds=1.0)
    for batch in range(first, 1_000_000):
        writer.add(TrialRecord(trial=batch, stage=0, hyperparameters={"b": batch}, seed=batch, status="done"))
        begin = 10 * (batch - 1) if batch % 3 == 2 else 10 * batch
        writer.add(a_curve(0, begin, 10 * batch + 4), a_curve(0, 10 * batch + 4, 10 * batch + 10))
        writer.add(MemoRecord(key=str(batch), value=batch))
        writer.flush()
        print(batch, flush=True)


if __name__ == "__main__":
    main()
