"""The doctor's rules within the recipe: what a stage says with them, and that they see a task's mistake."""

from __future__ import annotations

import pytest
import torch
from gate_problems import digits_problem
from torch import nn

from goodfit.findings import Finding, Severity
from goodfit.recipe.mistakes import with_mistakes
from goodfit.recipe.result import StageName, StageResult, Verdict
from goodfit.running.watched import mistakes
from goodfit.settings import Settings

torch.set_num_threads(1)


def finding(kind: str) -> Finding:
    return Finding(kind=kind, message=f"{kind} was seen.", action="Mend it.")


def stage(verdict: Verdict = Verdict.PASS, *found: Finding) -> StageResult:
    return StageResult(stage=StageName.INITIAL_LOSS, verdict=verdict, summary="All is well.", findings=found)


def test_an_error_stops_and_leads_and_its_message_is_the_summary():
    off = finding("initial-loss-off")
    result = with_mistakes(stage(Verdict.WARN, off), [finding("softmax-before-cross-entropy")])
    assert result.verdict is Verdict.FAIL
    assert [f.kind for f in result.findings] == ["softmax-before-cross-entropy", "initial-loss-off"]
    assert result.summary == "softmax-before-cross-entropy was seen."


def test_a_warning_warns_and_keeps_what_was_said():
    result = with_mistakes(stage(), [finding("missing-nonlinearity")])
    assert result.verdict is Verdict.WARN
    assert result.summary == "All is well. missing-nonlinearity was seen."
    assert with_mistakes(stage(Verdict.FAIL), [finding("missing-nonlinearity")]).verdict is Verdict.FAIL


def test_what_was_told_is_not_told_again_and_hints_change_no_verdict():
    told = finding("data-leakage")
    assert with_mistakes(stage(), [told], [told]) == stage()
    hint = Finding(kind="missing-nonlinearity", severity=Severity.INFO, message="Perhaps.", action="Look.")
    assert with_mistakes(stage(), [hint]).verdict is Verdict.PASS


@pytest.mark.parametrize(
    ("build", "kinds"),
    [
        (lambda hp: nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10)), []),
        (
            lambda hp: nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10), nn.Softmax(1)),
            ["softmax-before-cross-entropy"],
        ),
        (lambda hp: nn.Sequential(nn.Linear(64, 32), nn.Linear(32, 10)), ["missing-nonlinearity"]),
    ],
)
def test_the_rules_see_the_task_in_a_few_steps_and_leave_the_generators_alone(build, kinds):
    problem = digits_problem(build)
    before = torch.get_rng_state()
    found = mistakes(problem, {"optimizer": "adamw", "lr": 1e-3, "batch_size": 32}, 0, Settings(), steps=12)
    assert [f.kind for f in found] == kinds
    assert torch.equal(torch.get_rng_state(), before)
