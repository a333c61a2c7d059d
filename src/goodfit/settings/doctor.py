"""Settings of the doctor: when what was recorded of a training script is a mistake, and how remedies are tried."""

from __future__ import annotations

import dataclasses

from goodfit.settings.base import setting

_OURS = "ours"
_S62 = "recipe 6.2"


@dataclasses.dataclass(frozen=True)
class DoctorSettings:
    """Numbers that the rules of mistakes and the experiments decide by."""

    hits: int = setting(3, "times that something must be seen before it is told", "recipe 6.2 [PD]")
    share: float = setting(0.5, "share of what was looked at that must show it", _OURS)
    uncleared: float = setting(0.3, "share of steps whose gradients were not cleared before", _OURS)
    probability_rows: float = setting(0.9, "share of losses whose every row was a distribution", _S62)
    target_outside: float = setting(0.05, "share of targets beyond what the last activation can give", _OURS)
    softmax_over_batch: float = setting(0.5, "share of a softmax's calls that ran over the batch", _OURS)
    whole_values: int = setting(20, "most values of a target that reads as a class number", _OURS)
    in_loop: float = setting(0.5, "share of steps with such a pass from which it belongs to the loop itself", _OURS)
    extra_share: float = setting(0.25, "share of the script's own time for experiments", "issue 5")
    extra_most: float = setting(30.0, "seconds for experiments at most", "issue 5")
    extra_least: float = setting(3.0, "seconds for experiments at least, unless --extra-time says otherwise", _OURS)
    known_share: float = setting(0.05, "share of evaluation samples that were trained on and make a leak", _OURS)
    known_samples: int = setting(10, "evaluation samples that were trained on, at least", _OURS)
    preprocessing_scale: float = setting(1.8, "factor between spreads of evaluation and training inputs", _OURS)
    preprocessing_shift: float = setting(0.6, "shift of evaluation inputs, in training deviations", _OURS)
    sorted_z: float = setting(8.0, "sigmas by which labels differ between batches", _OURS)
    sorted_purity: float = setting(0.15, "excess of the commonest class in a batch over random batches", _OURS)
    preprocessing_gross: float = setting(4.0, "the factor for evaluations that nothing was scored in", _OURS)
    range_values: int = setting(2_000, "values of inputs from which their range is told", _OURS)
    sorted_within: float = setting(0.35, "variance of targets within batches over all, that sorted ones have", _OURS)
    sorted_one_way: float = setting(0.8, "share of batches whose mean target goes the same way, in sorted ones", _OURS)
    repeated_inputs: int = setting(40, "different inputs from which their labels are compared", _OURS)
    repeats_least: int = setting(60, "inputs that came up again, at least", _OURS)
    imbalance: float = setting(0.8, "share of the commonest class that makes classes uneven", _OURS)
    minority_recall: float = setting(0.1, "recall of the rarer classes below which the model falls back", _OURS)
    dead: float = setting(0.4, "share of a layer's ReLU units at zero for all samples", "recipe 6.1 (course notes)")
    vanishing: float = setting(1e-3, "rms gradient of the first layers over that of the last", "recipe 6.1 [PD]")
    vanishing_unlearned: float = setting(1e-2, "the same in a training that learned nothing", _OURS)
    exploding: float = setting(100.0, "largest gradient norm over its median, or norm over the weights'", _OURS)
    exploding_relative: float = setting(
        20.0, "gradient norm times the weights' norm over the loss, below which nothing explodes", _OURS
    )
    blown_up: float = setting(5.0, "norm of the weights over their first from which they blew up", _OURS)
    input_scale: float = setting(
        10.0, "deviation or mean of inputs from which they are not normalised", "recipe 2.0 [PD]"
    )
    input_uneven: float = setting(100.0, "largest over smallest deviation of the features", _OURS)
    target_scale: float = setting(10.0, "deviation or mean of targets from which they are not normalised", _OURS)
    initial_excess: float = setting(
        1.0, "first loss over the expected one, in units of it, that makes a bad start", _OURS
    )
    gain_low: float = setting(0.15, "size of a weight at the start over 1/sqrt(fan-in) below which it is odd", _OURS)
    gain_high: float = setting(4.0, "the same above which it is odd", _OURS)
    start_left: float = setting(0.15, "last loss over the first below which the start is not doubted", _OURS)
    start_spread: float = setting(3.0, "deviation of a regression's first answers over its targets', too wide", _OURS)
    start_unlearned: float = setting(0.97, "last loss over the first from which nothing was learned", _OURS)
    start_gain: float = setting(
        0.8, "loss of few steps from usual weights over that of the whole training, to be believed", _OURS
    )
    steps_tried: int = setting(40, "steps of an experiment", "issue 5")
    seeds_tried: int = setting(3, "seeds of an experiment", _OURS)
    steps_unregularised: int = setting(150, "steps without decay or dropout, at most", _OURS)
    unregularised_gain: float = setting(0.5, "relative gain of the loss by them where no samples are held out", _OURS)
    remedy_gain: float = setting(0.1, "relative gain of the loss that confirms a remedy", _OURS)
    saturated: float = setting(
        0.6, "share of sigmoid or tanh values in their flat parts, at the start and at the end", "recipe 6.1, ours"
    )
    ratio_high: float = setting(0.1, "update over weight from which it is off", "recipe 6.1, x100 around 1e-3")
    ratio_low: float = setting(1e-5, "update over weight below which it is off", "recipe 6.1, x100 around 1e-3")
    dead_untried: float = setting(0.8, "the same where no experiment can be made", _OURS)
    short_epochs: float = setting(8.0, "passes over the data from which more steps are not tried", _OURS)
    steps_continued: int = setting(1000, "steps that training is gone on with, at most", _OURS)
    few_epochs: float = setting(2.0, "passes over the data that are few", _OURS)
    short_left: float = setting(0.02, "last loss over the first below which more steps are not tried", _OURS)
    few_gone: float = setting(0.6, "relative fall still to come that alone is enough, after few passes", _OURS)
    few_share: float = setting(0.05, "share of what can be reached still to come, after few passes", _OURS)
    few_fall: float = setting(0.15, "relative fall of the loss still to come, after few passes", _OURS)
    short_share: float = setting(0.35, "share of what can be reached still to come, after more passes", _OURS)
    short_fall: float = setting(0.5, "relative fall of the loss still to come, after more passes", _OURS)
    few_steps: int = setting(8, "steps below which nothing is said of a training", "recipe 5")
    few_validated: int = setting(16, "samples of an evaluation up to which its score is noise", _OURS)
    few_validated_share: float = setting(4.0, "training samples over those of an evaluation, at least", _OURS)
    many_evaluations: int = setting(30, "fewest evaluations for a verdict on too long a training", _OURS)
    many_share: float = setting(0.25, "share of the run by which all was reached, in too long a training", "recipe 5")
    many_validated: int = setting(50, "fewest validation samples for that verdict", _OURS)
    many_learned: float = setting(0.15, "share of the training loss's fall that may still come then", _OURS)
    many_counts: float = setting(0.01, "difference of accuracy, or share of the first loss, that counts", _OURS)
    overfit_fitted: float = setting(0.5, "last over first training loss above which nothing is known by heart", _OURS)
    overfit_turned: float = setting(0.6, "share of the run by which the validation loss was lowest", _OURS)
    overfit_counts: float = setting(0.08, "rise of the validation loss over the first loss that counts", _OURS)
    overfit_gap: float = setting(0.2, "gap of accuracies that makes overfitting an alarm", _OURS)
    easy_gain: float = setting(0.25, "share of the first loss that a constant answer would take off", _OURS)
    rate_gone: float = setting(0.01, "share of the peak rate below which a schedule has decayed to nothing", _S62)
    rate_gone_share: float = setting(0.5, "share of the steps spent there that makes a schedule wrong", _S62)
    rate_steps_least: int = setting(16, "fewest steps of a script whose rate is tried", _OURS)
    rate_margin: float = setting(0.3, "lead over the whole training, in what few steps at another rate gain", _OURS)
    rate_low_fall: float = setting(0.35, "share of the reachable fall below which a rate is too low", _OURS)
    rate_low_ratio: float = setting(3e-3, "update over weight above which a rate is not too low", _OURS)
    diverged_times: float = setting(3.0, "times the first loss that counts as diverged", "recipe 3.2 [L6]")
    curve_confidence: float = setting(0.9, "confidence from which a rule of curves raises an alarm", _OURS)
    overfit_rise: float = setting(1.3, "last validation loss over its best from which overfitting is an alarm", _OURS)
    pairs_least: int = setting(120, "fewest samples for a test of how inputs and labels are paired", _OURS)
    pairs_related: float = setting(3.0, "sigmas above chance from which inputs say something of their labels", _OURS)
    pairs_shifted: float = setting(5.0, "the same for labels shifted against the inputs, to be believed", _OURS)
    pairs_lead: float = setting(0.3, "lead of shifted labels where those as paired say something, too", _OURS)
    reversed_left: float = setting(
        0.6, "unexplained share of labels counted from their end over that as paired, to be believed", _OURS
    )
    class_purity: float = setting(0.7, "share of nearest samples with the same number, in classes", _OURS)
    class_apart: float = setting(0.7, "distance of differing neighbours over that of any two, in classes", _OURS)
    moved_unlearned: float = setting(0.85, "last loss over the first from which moved labels are tried", _OURS)
    moved_learned: float = setting(0.85, "loss with moved labels over that without, to be believed", _OURS)
    future_moved: float = setting(
        1e-3, "move of earlier answers over their spread by which later inputs are seen", _OURS
    )
    turned_gain: float = setting(
        0.6, "loss of few steps with the batch axis turned over that of the whole training, to be believed", _OURS
    )
    idle: float = setting(
        0.3, "share of an optimiser's steps without any gradient that makes it hold the wrong ones", _OURS
    )
    decay_strong: float = setting(0.01, "weight decay from which training without it is tried", _OURS)
    dropout_strong: float = setting(0.7, "dropout from which training without it is tried", _OURS)
    few_points: int = setting(16, "fewest losses for a verdict on the length of the training", _OURS)
    few_gain: float = setting(0.15, "share of the fall in the last quarter from which training was too short", _OURS)
    few_left: float = setting(0.1, "last loss over the first below which little is left to gain", _OURS)
    capacity_gap: float = setting(
        0.1,
        "share of answers (or of the targets' variance) by which a wide network does better than one too small",
        _OURS,
    )
    capacity_rows: int = setting(100, "fewest samples for the wide network to learn from", _OURS)
    capacity_smaller: float = setting(3.0, "times that a network too small must be smaller than the wide one", _OURS)
    capacity_steps: int = setting(150, "further steps of a copy, at least, that must not help it", _OURS)
    capacity_reached: float = setting(0.3, "share of the lead that further steps may win at most", _OURS)
    overfit_samples: int = setting(20, "samples of one recorded batch to be learned by heart", "recipe 2.2: S1")
    overfit_steps: int = setting(200, "steps of Adam on them, at each rate", _OURS)
    overfit_rates: tuple[float, ...] = setting((3e-3, 1e-2, 3e-4), "rates tried, until they are learned", _OURS)
    overfit_left: float = setting(0.1, "share of their first loss at which they are learned", _OURS)
    overfit_flat: float = setting(0.02, "fall of their loss, as a share, below which nothing was learned", _OURS)
    overfit_room: float = setting(0.1, "share of the first loss that there must be to learn", _OURS)
    control_samples: int = setting(8, "fewest samples for the control with zeroed inputs", _OURS)
    control_steps: int = setting(100, "steps of that control at least", "recipe 2.2, ours")
    control_share: float = setting(
        0.25, "share of the best constant's loss below which zeroed inputs are too good", _OURS
    )
