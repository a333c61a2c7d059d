"""What a search stage says of its trials."""

from __future__ import annotations

import pytest

from goodfit.recipe.result import StageName, Verdict
from goodfit.recipe.search import Searched, read_search
from goodfit.strategy.observation import Observation

LOST = Observation(0, {"lr": 10.0}, None, status="diverged")


@pytest.mark.parametrize(
    ("observations", "said"),
    [([LOST, LOST], "All 2 trials diverged or failed"), ([], "No trial was begun: the first steps took the time")],
)
def test_trials_that_were_never_begun_are_not_called_diverged(observations, said):
    searched = Searched(
        observations, metric="loss", maximise=False, chance=None, standard_error=0.0, sigma=None, epochs=1.0, space={}
    )
    result = read_search(StageName.COARSE, 1, searched, ())
    assert result.verdict is Verdict.FAIL
    assert result.summary.startswith(said)
