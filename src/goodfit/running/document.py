"""result.json, from a session (design 2.3)."""

from __future__ import annotations

from typing import Any

from goodfit.findings import most_important_first, plain
from goodfit.recipe.result import StageName, Verdict
from goodfit.running.session import Session


def result_document(session: Session, task: str, seed: int, status: str) -> dict[str, Any]:
    """The contract's document."""
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
    else:
        leader = session.best_so_far()
        if leader is not None:
            val = {
                name.removeprefix("val_"): value
                for name, value in leader.last_metrics().items()
                if name.startswith("val_") and not name.endswith(".averaged")
            }
            best = {
                "hyperparameters": dict(leader.hyperparameters),
                "val": val,
                "test": {},
                "seeds": 1,
                "spread": 0.0,
                "variant": "plain",
            }
    return plain(
        {
            "version": 1,
            "task": task,
            "seed": seed,
            "status": status,
            "steps": [result.as_json() for result in session.results],
            "best": best,
            "findings": [finding.as_json() for finding in most_important_first(session.findings)],
            "trials": len(session.outcomes),
            "epochs": session.trainer.total_epochs(),
            "seconds": round(session.elapsed(), 3),
        }
    )
