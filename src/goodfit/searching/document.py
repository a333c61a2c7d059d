"""result.json of a search over a function or a command (design 2.3)."""

from __future__ import annotations

from typing import Any

from goodfit.findings import most_important_first, plain
from goodfit.searching.driver import Driver


def search_document(driver: Driver, title: str, seed: int, status: str) -> dict[str, Any]:
    """The contract's document; the steps are coarse and fine."""
    leader = driver.books.best()
    best = None
    if leader is not None:
        metrics = leader.last_metrics()
        told = {name.removeprefix("val_"): v for name, v in metrics.items() if not name.startswith("train")}
        best = {
            "hyperparameters": dict(leader.hyperparameters),
            "val": told | {driver.books.goal.metric.removeprefix("val_"): leader.value},
            "test": {},
            "seeds": 1,
            "spread": 0.0,
            "variant": "plain",
        }
    return plain(
        {
            "version": 1,
            "task": title,
            "seed": seed,
            "status": status,
            "steps": [result.as_json() for result in driver.results],
            "best": best,
            "findings": [finding.as_json() for finding in most_important_first(driver.findings)],
            "trials": len(driver.books.entries),
            "epochs": driver.books.total_epochs(),
            "seconds": round(driver.elapsed(), 3),
        }
    )
