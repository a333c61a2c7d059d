"""Decisions replayed on recorded studies, each with the sentence that a user reads.

A study in `decisions/` is a whole search: its first space, and every trial in order with its score. What the rules make
of it round by round is kept beside it as text; `pytest --update-golden` writes it anew. The commit that does says why
the new decision is the better one.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from goodfit.space import Space
from goodfit.strategy import CoarseToFine, Observation
from goodfit.strategy.choosing import Candidate, choose_among_repeats

RECORDED = Path(__file__).parent / "decisions"


def decisions(study: dict) -> str:
    """Each round's reasons and findings."""
    space = Space.from_json(study["space"])
    limits = {name: tuple(ends) for name, ends in study["limits"].items()}
    history = [
        Observation(number, row["point"], row["score"], row["status"]) for number, row in enumerate(study["history"])
    ]
    lines = [f"{study['about']}: {len(history)} trials.", ""]
    for round_ in CoarseToFine(space, study["seed"], study["trials"], limits=limits).rounds(history):
        kind = "coarse" if round_.is_coarse else "fine"
        lines.append(f"{kind} {round_.place}, from trial {round_.first}: {round_.trials} trials")
        if round_.moved is not None:
            lines += [f"  {reason}" for reason in round_.moved.reasons]
            lines += [f"  [{finding.kind}] {finding.action}" for finding in round_.moved.findings]
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("recorded", sorted(RECORDED.glob("*.json")), ids=lambda path: path.stem)
def test_decisions_of_recorded_studies(recorded: Path, update_golden: bool):
    said = decisions(json.loads(recorded.read_text()))
    expected = recorded.with_suffix(".expected")
    if update_golden:
        expected.write_text(said)
    assert said == expected.read_text()


def test_a_seed_lucky_winner_is_demoted_with_a_sentence():
    lucky = Candidate(7, {"lr": 0.1}, (0.30, 0.29, 0.31), cost=1.0)  # it was found by a score of 0.20
    steady = Candidate(3, {"lr": 0.01}, (0.22, 0.23, 0.21), cost=1.0)
    won = choose_among_repeats([lucky, steady])
    assert won.candidate.trial == 3
    assert won.reasons[0] == "Trial 3 was taken: it has the best mean; mean 0.22 over 3 seeds, noise 0.01 a seed."


def test_a_tie_goes_to_the_cheaper_with_a_sentence():
    wide = Candidate(7, {"width": 512}, (0.21, 0.24, 0.22), cost=4.0)
    narrow = Candidate(3, {"width": 64}, (0.22, 0.24, 0.22), cost=1.0)
    won = choose_among_repeats([wide, narrow])
    assert won.candidate.trial == 3
    assert "it costs 25% of the best by mean, trial 7" in won.reasons[0]
    assert [finding.kind for finding in won.findings] == ["winner-within-noise"]
