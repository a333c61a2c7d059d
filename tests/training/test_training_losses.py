"""What a trial's step losses decide, and that an interruption changes none of it."""

import dataclasses

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from training_cases import Quiet, problem, train, trial

from goodfit.execution.checkpoints import load_states, save_states
from goodfit.training.losses import LossWatch
from goodfit.training.trial import Regime, Status, TrialState

torch.set_num_threads(1)
both = pytest.mark.parametrize("engine", ["pool", "batched"])


def watched(losses, window=5):
    watch = LossWatch(window)
    for loss in losses:
        watch.add(loss)
    return watch


def state_of(watch, step):
    return TrialState(step, {}, {}, {}, {}, **watch.kept())


def test_the_median_of_the_last_losses_is_judged():
    assert watched([1, 9, 9, 1, 9]).has_exploded(6.0)
    assert not watched([1, 9, 1, 9, 1]).has_exploded(6.0)
    assert not watched([9, 9, 9, 9]).has_exploded(6.0)  # too few
    assert watched([9, 9, 9], window=3).has_exploded(6.0)
    assert not watched([9, 9, 9, 1, 1, 1, 1, 9]).has_exploded(6.0)  # the window has moved on


def test_a_pass_without_a_step_has_no_mean():
    assert LossWatch(5).end_pass() is None
    watch = watched([1.0, 3.0])
    assert watch.end_pass() == 2.0
    assert watch.end_pass() is None


@given(
    st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=30),
    st.integers(0, 30),
    st.integers(1, 7),
    st.floats(-1e3, 1e3),
)
def test_a_watch_that_goes_on_from_a_state_says_the_same(losses, cut, window, limit):
    whole, first = watched(losses, window), watched(losses[:cut], window)
    resumed = LossWatch(window, state_of(first, cut))
    for loss in losses[cut:]:
        resumed.add(loss)
    assert resumed.kept() == whole.kept()
    assert resumed.has_exploded(limit) == whole.has_exploded(limit)
    assert resumed.end_pass() == whole.end_pass()


@both
@pytest.mark.parametrize("company", [0, 3])
def test_an_interrupted_trial_diverges_at_the_step_where_it_would_have_undisturbed(engine, company, tmp_path):
    """Wherever it is cut, and with its state written to a file and read back in between."""
    prob = problem()
    ts = [trial(0, lr=2.0, momentum=0.9), *(trial(1 + i, lr=0.01 * (i + 1)) for i in range(company))]
    _, undisturbed = train(engine, prob, ts, 40)
    end = undisturbed.ended(0)
    assert end.status is Status.DIVERGED
    assert end.step >= 10
    for cut in range(1, end.step + 1):
        states, told = train(engine, prob, ts, 40, control=Quiet(stop_after=cut))
        assert told.ended(0).status is Status.INTERRUPTED
        assert states[0].step == cut
        save_states(tmp_path / "states", {t.number: state for t, state in zip(ts, states, strict=True)})
        kept = load_states(tmp_path / "states")
        _, rest = train(engine, prob, ts, 40, states=[kept[t.number] for t in ts])
        assert (rest.ended(0).status, rest.ended(0).step) == (Status.DIVERGED, end.step)
        assert rest.ended(0).reason == end.reason
        losses = np.concatenate([told.series(0, "step_loss")[1], rest.series(0, "step_loss")[1]])
        np.testing.assert_array_equal(losses, undisturbed.series(0, "step_loss")[1])


@both
@pytest.mark.parametrize("company", [0, 3])
def test_an_interrupted_trial_is_fitted_at_the_step_where_it_would_have_been_undisturbed(engine, company):
    """A pass has several steps here, so that a cut falls inside one."""
    regime = Regime(samples=tuple(range(12)), batch_size=4, regularised=False, fitted_fraction=0.2)
    ts = [trial(i, lr=0.03, optimizer="adamw") for i in range(1 + company)]
    _, undisturbed = train(engine, problem(), ts, 400, regime)
    end = undisturbed.ended(0)
    assert end.status is Status.STOPPED
    for cut in range(end.step - 4, end.step):
        states, _ = train(engine, problem(), ts, 400, regime, control=Quiet(stop_after=cut))
        _, rest = train(engine, problem(), ts, 400, regime, states=states)
        assert (rest.ended(0).status, rest.ended(0).step) == (Status.STOPPED, end.step)
        assert rest.ended(0).reason == end.reason


@both
def test_window_and_limit_are_the_regimes(engine):
    ts = [trial(0, lr=2.0, momentum=0.9)]
    _, usual = train(engine, problem(), ts, 40)
    _, hasty = train(engine, problem(), ts, 40, Regime(explosion_window=1))
    _, patient = train(engine, problem(), ts, 40, Regime(explosion_factor=1e9))
    assert hasty.ended(0).step < usual.ended(0).step
    assert "of the 1 losses" in hasty.ended(0).reason
    assert patient.ended(0).status is Status.DONE or patient.ended(0).step > usual.ended(0).step


@both
def test_a_state_of_an_older_version_without_these_fields_still_goes_on(engine):
    (state,), _ = train(engine, problem(), [trial(0)], 5)
    old = {field.name: getattr(state, field.name) for field in dataclasses.fields(state)}
    for name in ("recent_losses", "pass_loss_sum", "pass_steps"):
        del old[name]
    (resumed,), told = train(engine, problem(), [trial(0)], 9, states=[TrialState(**old)])
    assert told.ended(0).status is Status.DONE
    assert len(resumed.recent_losses) == 4
