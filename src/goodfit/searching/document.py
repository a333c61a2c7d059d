"""result.json of a search over a function or a command."""

from __future__ import annotations

from typing import Any

from goodfit.recipe.result import best_of_one, contract_document
from goodfit.searching.driver import Driver


def search_document(driver: Driver, title: str, seed: int, status: str) -> dict[str, Any]:
    """The contract's document; the steps are coarse and fine."""
    leader, best = driver.books.best(), None
    if leader is not None:
        metrics = leader.last_metrics()
        told = {name.removeprefix("val_"): v for name, v in metrics.items() if not name.startswith("train")}
        told |= {driver.books.goal.metric.removeprefix("val_"): leader.value}
        best = best_of_one(leader.hyperparameters, told)
    return contract_document(
        task=title,
        seed=seed,
        status=status,
        results=driver.results,
        best=best,
        findings=driver.findings,
        trials=len(driver.books.entries),
        epochs=driver.books.total_epochs(),
        seconds=driver.elapsed(),
    )
