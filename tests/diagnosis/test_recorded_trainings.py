"""Real trainings with a planted condition, logged as other tools do: the verdict is right, healthy ones pass."""

import pytest
from measure_recorded import also_right, took
from recorded_trainings import CONDITIONS, WORKS, Setup, train
from recorded_views import views

import goodfit as gf

SEED = 11  # of none of the measured trainings
PLANTED = ("low100", "high100", "overfit", "early-decay", "exponential", "long", "ascent", "zeroed", "shuffled")
WORK = {work.name: work for work in WORKS}
CONDITION = {condition.name: condition for condition in CONDITIONS}


@pytest.mark.slow
@pytest.mark.parametrize("name", ["digits", "wine"])
def test_verdicts_on_trainings_that_no_threshold_was_set_on(name):
    healthy = train(Setup(WORK[name]), SEED)
    right, total, wrong = 0, 0, []
    for planted in PLANTED:
        raw = train(Setup(WORK[name], **CONDITION[planted].changes), SEED)
        if not took(planted, raw, healthy):
            continue
        for view, columns in views(raw, SEED):
            kind = gf.diagnose(columns)[0].kind
            good = kind in (*CONDITION[planted].right, *also_right(planted, view, columns))
            right, total = right + good, total + 1
            wrong += [] if good else [(planted, view, kind)]
    assert total >= 25
    assert right / total >= 0.8, wrong
    alarms = [f.kind for _, columns in views(healthy, SEED) for f in gf.diagnose(columns) if f.severity != "info"]
    assert alarms == []
