"""result.json of a run, from its session."""

from __future__ import annotations

from typing import Any

from goodfit.recipe.result import StageName, Verdict, best_of_one, contract_document
from goodfit.running.session import Session


def result_document(session: Session, task: str, seed: int, status: str) -> dict[str, Any]:
    """The contract's document; the best is what the final training made, else the best trial so far."""
    final = next((r for r in session.results if r.stage is StageName.FINAL and r.verdict is not Verdict.SKIP), None)
    best: dict[str, Any] | None = None
    if final is not None:
        best = {
            "hyperparameters": final.evidence["hyperparameters"],
            "val": final.evidence["val"],
            "test": final.evidence["test"],
            "seeds": len(final.evidence["seeds_val"]),
            "spread": final.evidence["spread"],
            "variant": final.evidence["variant"],
        }
    elif (leader := session.best_so_far()) is not None:
        val = {
            name.removeprefix("val_"): value
            for name, value in leader.last_metrics().items()
            if name.startswith("val_") and not name.endswith(".averaged")
        }
        best = best_of_one(leader.hyperparameters, val)
    return contract_document(
        task=task,
        seed=seed,
        status=status,
        results=session.results,
        best=best,
        findings=session.findings,
        trials=len(session.outcomes),
        epochs=session.trainer.total_epochs(),
        seconds=session.elapsed(),
    )
