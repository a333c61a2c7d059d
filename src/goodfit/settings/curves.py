"""Settings of the curves stage."""

from __future__ import annotations

import dataclasses

from goodfit.settings.base import setting

_S5 = "recipe 5 [PD]"
_RECORDED = "ours: set on the open half of tests/diagnosis/recorded_trainings.py"
_OURS = "ours: set on tests/diagnosis/planted.py"


@dataclasses.dataclass(frozen=True)
class CurveSettings:
    """See each field's origin."""

    # Statistics
    points: int = setting(8, "fewest points of a curve for a verdict", _S5)
    first_point: float = setting(0.01, "share of the run within which the first point shows the start", _S5)
    tail: float = setting(0.25, "share of the run at its end over which slopes are taken", "recipe 5")
    step_blocks: int = setting(
        20, "equal blocks that minibatch losses are averaged into before a trend test", "recipe 5"
    )
    z_medium: float = setting(3.0, "z of a trend from which it counts", _S5)
    z_high: float = setting(5.0, "z of a trend from which one is sure, given a second signal", _S5)
    standard_errors: float = setting(3.0, "standard errors by which two levels must differ", _S5)
    loss_difference: float = setting(
        0.01, "smallest loss difference that counts, as a share of the loss of guessing, if none is given", _OURS
    )
    metric_difference: float = setting(
        0.01, "smallest metric difference that counts, as a share of its range, if samples are unknown", _OURS
    )
    samples_assumed: int = setting(
        100, "samples assumed behind a point where they are unknown: few, so that little is concluded", _OURS
    )
    loss_spread: float = setting(2.0, "standard deviation of single losses over their mean, assumed", _OURS)

    # Row 1
    explosion_factor: float = setting(3.0, "times the first loss that counts as exploded", "recipe 3.2 [L6]")
    explosion_sigmas: float = setting(10.0, "the same where losses may be negative, in noise sigmas", "recipe 3.2 [PD]")
    # Row 2
    rising_share: float = setting(0.2, "share of the run over which the training loss rises", _S5)
    rising_height: float = setting(0.1, "rise as a share of the span between guessing and the best loss", _OURS)
    rising_jump: float = setting(0.5, "share of that rise in one jump: more is instability, not a steady rise", _OURS)
    period_correlation: float = setting(0.5, "autocorrelation of the step losses at one epoch", _S5)
    period_contrast: float = setting(0.3, "how far it stands above the autocorrelation at half an epoch", _OURS)
    # Rows 3 and 4
    flat_fall: float = setting(
        0.01, "fall of the loss below which it is not going down, of the span", "recipe 3.2 [PD]"
    )
    metric_rise: float = setting(5.0, "standard errors that the metric rises by while the loss is flat", _S5)
    ratio_low: float = setting(1e-5, "median update ratio below which a flat loss is flat-low", "recipe 3.2 [PD]")
    ratio_high: float = setting(1e-2, "median update ratio above which the rate is large", _S5)
    spike_factor: float = setting(1.5, "times the first loss: a spike that marks flat-high", "recipe 3.2 [PD]")
    dead_share: float = setting(0.9, "share of dead units in a layer that marks flat-high", "recipe 3.2 [PD]")
    flat_jitter: float = setting(
        0.005, "jitter on fixed samples, of the span, that a flat loss of small steps does not have", _OURS
    )
    lr_surely_low: float = setting(1e-6, "a flat loss at a rate up to this is flat-low", "recipe 1, row 41; 3.3")
    lr_surely_high: float = setting(1.0, "a flat loss at a rate above this is flat-high", "recipe 3.6 [K]")
    # Row 5
    plateau_share: float = setting(0.1, "share of the run that a plateau at the start lasts", _S5)
    plateau_slope: float = setting(10.0, "how much steeper than the plateau the fall after it is", _S5)
    plateau_steps: float = setting(50.0, "steps that it lasts at least: five windows of a momentum of 0.9", _OURS)
    plateau_fall: float = setting(0.1, "fall after the plateau as a share of the span", _OURS)
    # Row 6
    oscillation_rise: float = setting(0.35, "rises as a share of all movement of the loss; 0.5 is no progress", _OURS)
    oscillation_amplitude: float = setting(0.015, "jitter of the loss on fixed samples, of the span", _OURS)
    oscillation_ratio: float = setting(0.03, "jitter of the loss on fixed samples, of its level", _OURS)
    unstable_rise: float = setting(0.25, "rise after a fall, of the span fallen, that is unstable", "recipe 3.2 [PD]")
    unstable_sigmas: float = setting(5.0, "the same in noise sigmas", "recipe 3.2 [PD]")
    spike_mads: float = setting(6.0, "height of a spike over the running median, in MADs", _S5)
    spike_height: float = setting(0.25, "height of a spike as a share of the loss of guessing", _OURS)
    spike_back: int = setting(50, "steps within which a spike recovers", _S5)
    spikes_per_1000: float = setting(2.0, "spikes per 1,000 steps that matter", _S5)
    # Row 7
    easy_nats: float = setting(0.1, "easy gain in nats (or units of the loss)", _S5)
    easy_share: float = setting(0.05, "easy gain as a share of the first loss", _S5)
    easy_within: float = setting(0.02, "share of the run within which the easy gain is made", _S5)
    easy_steps: int = setting(30, "steps within which it is in a short run", _OURS)
    # Row 8
    cut_factor: float = setting(2.0, "factor of a cut of the rate", _S5)
    cut_slowdown: float = setting(3.0, "factor by which the gain per step falls after it", _S5)
    cut_room: float = setting(0.1, "loss above the floor at the cut, as a share of the span", _OURS)
    decayed_to: float = setting(0.01, "share of the peak rate that is as good as none", "recipe 6.2")
    decayed_before: float = setting(0.5, "share of the run before which that is too early", "recipe 6.2")
    # Rows 9 and 10
    turned_before: float = setting(0.8, "share of the run before which the best validation loss lies", _S5)
    turned_sigmas: float = setting(3.0, "rise of the validation loss since, in noise sigmas", _S5)
    turned_height: float = setting(0.05, "the same as a share of the span between guessing and the best", _OURS)
    gap_skill: float = setting(
        0.05, "least fall of the training loss, of the span, for a gap to be a share of it", _OURS
    )
    gap_large: float = setting(0.15, "gap between training and validation that is too big, of the skill", _S5)
    # Row 11
    projection_differences: float = setting(2.0, "projected gain in smallest differences that count", _S5)
    fitted: float = setting(
        0.95, "share of the attainable fit from which training has nothing left", "recipe 5 [PD], row 13"
    )
    # Row 12
    slow_straightness: float = setting(0.95, "R2 of a straight line through the training loss", _S5)
    slow_ratio: float = setting(1e-4, "median update ratio below which slow is too slow", _S5)
    slow_ratio_most: float = setting(
        1e-3, "median update ratio from which slow is never the rate's fault", "recipe 6.1 (S1)"
    )
    slow_fit: float = setting(0.5, "fit below which slow is too slow", _S5)
    slow_epochs: float = setting(5.0, "epochs from which a sensible rate would have bent the curve", _OURS)
    slow_fit_unknown: float = setting(0.2, "fit below which slow is too slow, epochs and ratios unknown", _OURS)
    # Row 13
    plateau_tail: float = setting(0.4, "share of the run at its end that is flat", _S5)
    averaged_sigmas: float = setting(2.0, "sigmas by which the averaged weights beat the last", _S5)
    # Row 14
    gap_small: float = setting(0.02, "gap that is too small, of the skill", _S5)
    gap_small_errors: float = setting(2.0, "the same in standard errors", _S5)
    underfit: float = setting(0.9, "fit below which a small gap means too small a model", _S5)
    underfit_sure: float = setting(0.8, "fit below which noise in the labels is no likely floor: a warning", _OURS)
    underfit_unknown: float = setting(0.3, "the same by the loss, whose floor is unknown", _OURS)
    # Row 15
    saturated: float = setting(0.25, "share of the run by which the best was reached", _S5)
    # Row 16
    noisy_differences: float = setting(2.0, "validation noise in smallest differences that count", _OURS)
    # Curves recorded by another tool: less is known of them, so other signs count
    recorded_blocks: int = setting(40, "points that a longer recorded curve is condensed to", _RECORDED)
    recorded_points: int = setting(5, "fewest points of a recorded curve for a verdict", _RECORDED)
    recorded_still: float = setting(0.02, "fall below guessing, as a share of it, that is none", _RECORDED)
    recorded_above_chance: float = setting(0.05, "accuracy above chance that is none", _RECORDED)
    recorded_over_guessing: float = setting(0.01, "how far above guessing a loss settles that was thrown", _RECORDED)
    recorded_still_jitter: float = setting(
        0.008, "jitter of a flat loss, of its level, that small steps don't have", _RECORDED
    )
    recorded_rate_low: float = setting(1e-5, "a flat loss at a rate up to this is flat-low", _RECORDED)
    recorded_bend: float = setting(3.0, "fall of the first third over that of the last: below it is a line", _RECORDED)
    recorded_rises_slow: float = setting(0.2, "rises as a share of all movement in a steady fall", _RECORDED)
    recorded_long_steps: float = setting(1000.0, "steps that are a long training where epochs are unknown", _RECORDED)
    recorded_slow_short: float = setting(0.25, "progress below which a short straight fall is too slow", _RECORDED)
    recorded_plateau_fall: float = setting(0.15, "fall after a plateau at the start, of its level", _RECORDED)
    recorded_plateau_height: float = setting(0.05, "movement within the plateau, of that fall", _RECORDED)
    recorded_easy: float = setting(0.5, "first loss above guessing, of it, that is an easy gain", _RECORDED)
    recorded_easy_within: float = setting(0.1, "share of the run within which it is gone", _RECORDED)
    recorded_shake: float = setting(0.03, "jitter of the loss, of its level, that is up and down", _RECORDED)
    recorded_blown: float = setting(3.0, "more than that factor where guessing is unknown", _RECORDED)
    recorded_impossible: float = setting(7.0, "loss that no guessing among a thousand classes makes", _RECORDED)
    recorded_collapsed: float = setting(
        0.9, "accuracy below which one that never changes is one answer for all", _RECORDED
    )
    recorded_swing: float = setting(0.015, "the same, of the loss of guessing; twice that for validation", _RECORDED)
    recorded_rises: float = setting(0.3, "rises as a share of all movement of a loss that goes nowhere", _RECORDED)
    recorded_fitted: float = setting(0.85, "progress from which jitter is no matter", _RECORDED)
    recorded_gone: float = setting(0.05, "share of the peak rate that is as good as none", _RECORDED)
    recorded_frozen: float = setting(3e-4, "change of the validation loss, of its level, that is none", _RECORDED)
    recorded_gone_by: float = setting(0.4, "share of the run by which that is too early", _RECORDED)
    recorded_ahead: float = setting(0.13, "gain of as long a run again, of what was gained, that counts", _RECORDED)
    recorded_ahead_left: float = setting(0.2, "the same, of the loss that is left", _RECORDED)
    recorded_ahead_sure: float = setting(0.2, "the same, of what was gained, below which it is a hint", _RECORDED)
    recorded_ahead_metric: float = setting(0.02, "the same in accuracy", _RECORDED)
    recorded_jitters: float = setting(2.0, "jitters by which the last third must have improved", _RECORDED)
    recorded_done: float = setting(0.015, "difference of the loss, of guessing, that does not count", _RECORDED)
    recorded_saturated: float = setting(0.2, "share of the run by which the best was reached", _RECORDED)
    recorded_memorised: float = setting(0.1, "fall of the training loss, of guessing, that is learning", _RECORDED)
    recorded_turned: float = setting(0.06, "rise of the validation loss since its best, of what was gained", _RECORDED)
    recorded_turned_level: float = setting(0.1, "the same, of its lowest value", _RECORDED)
    recorded_gap: float = setting(0.3, "gap of the losses, of what training gained, that is too big", _RECORDED)
    recorded_level: float = setting(0.1, "fall over the last 40 %, of all that was gained, that is none", _RECORDED)
    recorded_lead: float = setting(
        0.08, "lead of validation over training, of guessing, that regularisation makes", _RECORDED
    )
    recorded_lead_sure: float = setting(0.2, "the same where training need not have levelled off", _RECORDED)
    recorded_held_fit: float = setting(0.8, "fit below which such a lead holds training back", _RECORDED)
    recorded_underfit: float = setting(
        0.76, "accuracy's fit below which levelled curves mean too small a model", _RECORDED
    )
    recorded_underfit_loss: float = setting(0.45, "the same by the loss", _RECORDED)
    recorded_few_epochs: float = setting(4.0, "epochs below which more training may help a levelled curve", _RECORDED)
    recorded_few_steps: float = setting(300.0, "the same in steps, where epochs are unknown", _RECORDED)
    recorded_open_ended: float = setting(3.5, "first loss from which many outcomes are possible, as in text", _RECORDED)
    recorded_spike_height: float = setting(0.1, "height of a spike among few points, of guessing's loss", _RECORDED)
    recorded_spike_share: float = setting(0.25, "share of points that are spikes above which it is jitter", _RECORDED)
    recorded_noisy: float = setting(0.03, "jitter of the validation accuracy that is noisy", _RECORDED)
    recorded_few_samples: float = setting(
        0.05, "standard error of the validation accuracy, by the samples that its values show, that is noisy", "ours"
    )
    recorded_noisy_loss: float = setting(0.05, "the same of the validation loss, of the loss of guessing", _RECORDED)
    # Across trials
    late_best: float = setting(0.75, "share of the run after which a best step is late", _S5)
    hobbled_factor: float = setting(2.0, "factor by which overfitting trials' rates lie above the best trial's", _OURS)
