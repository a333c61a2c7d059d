"""Settings of the search: what is opened, how boxes shrink and grow, what counts as noise."""

from __future__ import annotations

import dataclasses

from goodfit.settings.base import setting


@dataclasses.dataclass(frozen=True)
class SearchSettings:
    """See each field's origin."""

    # What is opened
    trials_per_dimension: int = setting(
        4, "trials that each open hyperparameter asks for", "recipe 2.4: 8 to 16 trials for two dimensions [PD]"
    )
    beta1_trials: int = setting(10, "trials from which Adam's beta1 is opened", "recipe 4.1, Tuning Playbook")
    eps_trials: int = setting(25, "trials from which Adam's eps is opened", "recipe 4.1, Tuning Playbook")
    beta2_trials: int = setting(50, "trials from which Adam's beta2 is opened", "recipe 4.1: well over 25 [PD]")
    zero_share: float = setting(0.25, "share of coarse trials with weight decay exactly 0", "recipe 2.4 [PD]")

    # The next box
    good_least: int = setting(3, "trials that the good set has at least", "recipe 4.3")
    good_share_least: float = setting(0.2, "share of all trials that the good set has at least", "recipe 4.3")
    good_share_most: float = setting(1 / 3, "share of all trials that the good set has at most", "recipe 4.3")
    good_sigmas: float = setting(2.0, "standard deviations from the best within which a trial is good", "recipe 4.3")
    importance_permutations: int = setting(200, "permutations behind each importance", "recipe 4.3")
    insensitive_most: float = setting(
        0.5, "upper end of an importance's interval above which no dimension is called insensitive", "ours"
    )
    importance_p: float = setting(0.1, "a hyperparameter below this p value matters", "recipe 4.3")
    half_width_least: float = setting(1 / 6, "half-width of the next box at least, of the old width", "recipe 4.3 [PD]")
    rate_decades_least: float = setting(0.3, "decades below which lr's box does not shrink", "recipe 4.3, Bengio 2012")
    decay_decades_least: float = setting(
        1.0, "decades below which weight decay's box does not shrink", "recipe 4.3 [PD]"
    )
    decades_least: float = setting(0.3, "decades below which other logarithmic boxes do not shrink", "ours, as for lr")
    correlation_least: float = setting(0.5, "rank correlation within the good set that is noted", "recipe 4.3")
    correlation_p: float = setting(
        0.05, "p value below which that correlation is believed", "ours: three points always correlate"
    )
    gap_least: float = setting(1 / 3, "gap between clusters of good trials that splits the box", "recipe 4.3")
    gap_bad_trials: int = setting(
        2, "worse trials inside that gap before it is believed", "ours: an empty gap is no evidence"
    )
    gap_p: float = setting(
        0.05, "chance of such a gap, in any dimension, were good trials good by luck", "ours: under 5 % of flat spaces"
    )
    old_box_share: float = setting(
        0.15, "share of the next trials drawn from the old box", "recipe 4.3: 10 to 20 % [PD]"
    )
    promising_trials_least: int = setting(
        12, "feasible trials from which a model picks the next ones among many draws from the box", "ours"
    )
    candidates: int = setting(400, "draws from the boxes among which the model picks a round's trials", "ours")
    candidates_elsewhere: float = setting(
        0.4, "as many more candidates, as a share of these, from all that was searched so far", "benchmarks/search.py"
    )
    candidate_steps_share: float = setting(
        0.25, "as many more candidates, as a share of these, that lie one step from a good trial", "ours"
    )
    candidate_step: float = setting(0.1, "standard deviation of such a step, of the range", "ours")
    infeasible_most: float = setting(0.5, "share of diverged or failed trials that is too many", "recipe 2.4")
    infeasible_trials_least: int = setting(4, "trials before that share means something", "ours")

    # Borders
    border_strip: float = setting(0.1, "the outer part of a range that is its border", "recipe 4.4")
    border_strip_most: float = setting(0.25, "how far the border may reach in when few trials lie near it", "ours")
    border_levels: int = setting(10, "levels up to which an ordered scale's end level is its border", "recipe 4.4")
    border_false_alarms: float = setting(
        0.04, "share of rounds on a flat space with any border flagged", "recipe 4.4: under 5 %"
    )
    border_p: float = setting(0.05, "p value of signal C by itself", "recipe 4.4")
    border_trend_trials_least: int = setting(
        8, "trials that signal C looks at, at least, where there are so many", "ours: half of few trials shows no trend"
    )
    border_permutations: int = setting(1000, "permutations behind the correction over all sides", "ours")
    border_trials_least: int = setting(6, "feasible trials before a border can be flagged", "ours: fewer have no power")
    border_infeasible_most: float = setting(
        0.5, "share of infeasible trials at and beyond a border that makes it a stability limit", "recipe 4.4"
    )
    border_extensions_most: int = setting(2, "extensions of one border in a round", "recipe 4.4")
    trend_false_alarms: float = setting(
        0.02, "the part of border_false_alarms that the trend over a whole even round has", "ours: half"
    )
    slope_p: float = setting(
        0.05,
        "chance, by the model and shared over all sides, that trials do not get better up to a border it flags",
        "calibrated: docs/calibration.md",
    )
    slope_better_least: int = setting(
        20, "trials in the better half before a model of these alone is asked", "ours: of a dozen it is too sure"
    )
    slope_again_p: float = setting(0.05, "... up to a border that was moved before", "ours: once seen, likely")
    slope_near: float = setting(
        2 / 3, "how far towards a border, of the range, the best place must lie", "recipe 4.4: a third from the edge"
    )
    slope_turned_p: float = setting(
        0.1, "chance that the end is better than the best place below which it is seen to be worse", "ours"
    )

    # Noise
    adoption_sigmas: float = setting(2.0, "standard errors that a gain must exceed", "recipe 4.6 [PD]")
    adoption_probability: float = setting(
        0.75, "probability of being better that suffices at no added cost", "recipe 4.6 [PD]"
    )
    cheaper_share: float = setting(0.9, "share of the winner's cost below which a trial is cheaper", "ours")
    bootstrap_draws: int = setting(1000, "resamplings behind each bootstrap interval", "ours")

    # Dropout
    dropout_off: float = setting(0.1, "dropout rate up to which a trial counts as without", "ours")
    dropout_on: float = setting(0.2, "dropout rate from which a trial counts as with it", "ours; recipe row 9: 0.2-0.6")
    dropout_gap: float = setting(0.1, "gap from which dropout that does not help is too little net", "recipe 5 [PD]")
    dropout_trials_least: int = setting(3, "trials on each side before the two are compared", "ours")

    # Questions
    question_best_share: float = setting(
        0.1, "share of a value's trials, its best ones, by whose mean it is judged", "ours: less lucky than the best"
    )
    question_best_least: int = setting(3, "... trials at least", "ours, as the good set's")
    question_exchanges: int = setting(2000, "exchanged rounds behind a question's p value", "ours")
    question_p: float = setting(
        0.03, "a value below this p value, over all values together, is worse", "calibrated: docs/calibration.md"
    )

    # Grids
    grid_dimensions_most: int = setting(
        2, "hyperparameters up to which a grid is fair", "recipe 1 row 5, Tuning Playbook"
    )
