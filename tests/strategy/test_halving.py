"""Who goes on at a rung: laws that hold for any curves, and the cases of the recipe."""

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goodfit.settings.halving import HalvingSettings
from goodfit.strategy.halving import (
    Course,
    Why,
    agreement,
    comparable,
    halving_plan,
    is_witness,
    judge,
    judge_together,
    moved_later,
    rungs,
)
from goodfit.strategy.observation import Observation

NO_WITNESS = HalvingSettings(witness_share=0.0)
CURVES = st.lists(st.lists(st.floats(-5, 5), min_size=9, max_size=9), min_size=1, max_size=40)


def course(number, scores, upto=None, **more):
    scores = scores if upto is None else scores[:upto]
    return Course(number, tuple(float(e) for e in range(1, len(scores) + 1)), tuple(scores), **more)


@given(st.floats(0.5, 500), st.floats(0, 5))
def test_rungs_grow_by_the_factor_and_leave_the_start_and_the_warm_up_alone(longest, warmup):
    found = rungs(longest, warmup=warmup)
    assert all(b / a == pytest.approx(3.0) for a, b in itertools.pairwise(found))
    assert all(r >= max(1.0, 2 * warmup) - 1e-9 for r in found)
    assert not found or found[-1] == pytest.approx(longest / 3)


@given(CURVES, st.integers(0, 1000))
def test_the_best_third_goes_on_and_of_the_others_only_slow_starters_and_witnesses(curves, seed):
    courses = [course(i, scores) for i, scores in enumerate(curves)]
    found = judge_together(courses, 3.0, (), longest=9.0, seed=seed)
    n = len(courses)
    order = sorted(courses, key=lambda c: c.at(3.0))
    if n >= 3:
        third = order[: max(1, n // 3)]
        assert all(found[c.number].goes_on for c in third)
        ahead = sum(j.why is Why.AHEAD for j in found.values())
        cut = order[max(1, n // 3) - 1].at(3.0)
        assert ahead == sum(c.at(3.0) <= cut for c in courses) or ahead >= max(1, n // 3)
        heading = sum(j.why is Why.HEADING for j in found.values())
        assert heading <= max(1, math.ceil(0.2 * n))
    for c in courses:
        if found[c.number].why is Why.WITNESS:
            assert is_witness(c.number, seed)


@given(CURVES, st.integers(0, 100))
def test_a_judgement_does_not_depend_on_trials_at_another_place_of_a_schedule(curves, seed):
    mine = [course(i, scores) for i, scores in enumerate(curves)]
    others = [course(100 + i, [s - 10 for s in scores], schedule="decayed") for i, scores in enumerate(curves)]
    alone = judge_together(mine, 3.0, (), longest=9.0, seed=seed)
    assert judge_together(mine, 3.0, others, longest=9.0, seed=seed) == alone


@given(CURVES)
def test_a_trial_that_has_not_come_to_the_rung_says_nothing(curves):
    mine = [course(i, scores) for i, scores in enumerate(curves)]
    short = [course(100 + i, scores, upto=2) for i, scores in enumerate(curves)]
    for c in mine:
        others = [o for o in mine if o is not c]
        peers = judge(c, 3.0, [*others, *short], longest=9.0, seed=0, settings=NO_WITNESS).peers
        assert peers == len(mine)


def test_a_trial_whose_score_is_not_finite_ends_at_once_and_counts_as_evidence():
    good = [course(i, [1.0 + i] * 3) for i in range(2)]
    broken = course(5, [1.0, math.nan, math.nan])
    assert judge(broken, 3.0, good, longest=9.0, seed=0).why is Why.BROKEN
    lost = Course(6, (1.0,), (2.0,), is_broken=True)
    assert judge(good[0], 3.0, [good[1], lost], longest=9.0, seed=0).peers == 3


def test_a_slow_starter_that_heads_for_the_incumbent_is_kept():
    """High regularisation: worse than most at the rung, but falling steadily; the fast ones have levelled off."""
    fast = [course(i, [1.0, 0.9 + 0.01 * i, 0.9 + 0.01 * i]) for i in range(6)]
    slow = course(9, [2.6, 1.9, 1.5])  # by the logarithm of the epoch it goes through 0.5 at epoch 9
    level = course(10, [1.52, 1.51, 1.5])
    assert judge(slow, 3.0, fast, longest=9.0, seed=0, settings=NO_WITNESS).why is Why.HEADING
    assert judge(level, 3.0, fast, longest=9.0, seed=0, settings=NO_WITNESS).why is Why.BEHIND


def test_only_so_many_slow_starters_are_kept():
    fast = [course(i, [1.0, 0.9, 0.9]) for i in range(4)]
    slow = [course(10 + i, [2.6, 1.9, 1.5 + 0.001 * i]) for i in range(16)]
    found = judge_together([*fast, *slow], 3.0, (), longest=9.0, seed=0, settings=NO_WITNESS)
    assert sum(j.why is Why.HEADING for j in found.values()) == 4  # a fifth of twenty


def test_a_tenth_of_the_doomed_runs_on_whatever_their_rank():
    witnesses = [n for n in range(5000) if is_witness(n, seed=3)]
    assert len(witnesses) / 5000 == pytest.approx(0.1, abs=0.015)
    courses = [course(n, [float(n)] * 3) for n in range(300)]
    found = judge_together(courses, 3.0, (), longest=9.0, seed=3)
    doomed = list(range(100, 300))
    assert {n for n in doomed if found[n].goes_on} == {n for n in doomed if n in witnesses}


def whole(number, early, late, **more):
    return Course(number, (1.0, 9.0), (early, late), has_ended=True, **more)


def test_rungs_whose_ranks_are_not_those_of_the_end_are_moved_later():
    crossing = [whole(i, float(i), float(-i), is_witness=i >= 4) for i in range(9)]
    seen = agreement(crossing, 1.0)
    assert seen is not None
    assert seen[0] < -0.9
    left, said = moved_later((1.0, 3.0), crossing)
    assert left == (3.0,) or left == ()
    assert "correlation -1.00" in said[0]
    faithful = [whole(i, float(i), float(i), is_witness=i >= 4) for i in range(9)]
    assert moved_later((1.0, 3.0), faithful) == ((1.0, 3.0), ())


def test_the_best_alone_say_nothing_of_a_rung():
    assert agreement([whole(i, float(i), float(-i)) for i in range(9)], 1.0) is None
    assert agreement([whole(i, float(i), float(-i), is_witness=True) for i in range(4)], 1.0) is None


def test_a_witness_counts_for_all_that_it_stands_for():
    """Thirty trials at the rung, ten ahead; the ranks hold among the best, and the two witnesses break them."""
    ended = [Course(100 + i, (1.0,), (5.0 + i,)) for i in range(18)]
    ahead = [whole(i, float(i) / 10, float(i) / 10) for i in range(10)]
    upset = [whole(50 + i, 30.0 + i, -1.0 - i, is_witness=True) for i in range(2)]
    unweighted_says_little = agreement([*ahead, *upset, *ended], 1.0)
    assert unweighted_says_little is not None
    assert unweighted_says_little[0] < -0.3


@given(st.integers(1, 500), st.floats(0.5, 200))
def test_a_plan_has_fewer_trials_at_each_rung_and_costs_no_more_than_all_to_the_end(trials, longest):
    plan = halving_plan(trials, longest)
    assert plan.trials[0] == trials
    assert list(plan.trials) == sorted(plan.trials, reverse=True)
    assert plan.trials[-1] >= 1
    assert plan.epochs <= trials * longest * (1 + 1e-9)
    assert len(plan.trials) == len(plan.rungs) + 1


@given(CURVES)
def test_no_more_trials_go_on_than_the_plan_says(curves):
    """But for chance among the witnesses, of whom none is drawn here."""
    courses = [course(i, scores) for i, scores in enumerate(curves)]
    plan = halving_plan(len(courses), 9.0, NO_WITNESS)
    found = judge_together(courses, 1.0, (), longest=9.0, seed=0, settings=NO_WITNESS)
    equal = len({c.at(1.0) for c in courses}) < len(courses)  # equal scores share a rank, and go on together
    few = len(courses) < 3  # too few to be judged
    assert equal or few or sum(j.goes_on for j in found.values()) <= plan.trials[1]


def test_early_ends_count_with_the_score_that_they_were_heading_for():
    courses = [
        Course(0, (1.0, 9.0), (1.0, 0.4), has_ended=True),
        Course(1, (1.0, 9.0), (1.2, 0.7), has_ended=True),
        Course(2, (1.0,), (1.5,)),
    ]
    seen = [
        Observation(0, {"lr": 1}, 0.4, "done", 9.0),
        Observation(1, {"lr": 2}, 0.7, "done", 9.0),
        Observation(2, {"lr": 3}, 1.5, "stopped", 1.0),
        Observation(3, {"lr": 4}, None, "diverged", 1.0),
    ]
    found = comparable(seen, courses, 9.0)
    assert [o.score for o in found] == pytest.approx([0.4, 0.7, 1.5 - 0.55, None])
    assert comparable(seen, courses, None) == tuple(seen)


@given(st.lists(st.tuples(st.floats(-5, 5), st.integers(1, 9)), min_size=1, max_size=20))
def test_no_early_end_counts_as_better_than_the_best_that_went_to_the_end(trials):
    whole_one = Course(99, tuple(map(float, range(1, 10))), tuple(-float(e) for e in range(1, 10)), has_ended=True)
    seen = [Observation(99, {"x": -1}, -9.0, "done", 9.0)]
    courses = [whole_one]
    for i, (score, epoch) in enumerate(trials):
        seen.append(Observation(i, {"x": i}, score, "stopped", float(epoch)))
        courses.append(Course(i, (float(epoch),), (score,)))
    found = comparable(seen, courses, 9.0)
    assert all(o.score >= -9.0 for o in found if o.score is not None)
