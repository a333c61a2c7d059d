"""What was seen of a training loop: plain numbers, flags and places in the user's code. Rules read nothing else.

The recorder fills these while the loop runs; nothing writes to them once it has ended.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from typing import Any

Shape = tuple[int, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class Site:
    """A line of the user's code; without a file, what was called by none."""

    file: str  # as people write it: relative to the working folder where it lies within
    line: int
    function: str = ""
    code: str = ""  # the line itself, stripped

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" if self.file else ""


@dataclasses.dataclass(slots=True)
class Spread:
    """Running mean, standard deviation and range of numbers seen in batches."""

    count: int = 0
    mean: float = 0.0
    squares: float = 0.0  # sum of squared distances from the mean
    low: float = float("inf")
    high: float = float("-inf")

    def add(self, count: int, mean: float, squares: float, low: float, high: float) -> None:
        """Join a batch's own figures (Chan's formula)."""
        if count <= 0:
            return
        total = self.count + count
        apart = mean - self.mean
        self.squares += squares + apart * apart * self.count * count / total
        self.mean += apart * count / total
        self.count = total
        self.low, self.high = min(self.low, low), max(self.high, high)

    @property
    def std(self) -> float:
        """Of the population; 0 for none."""
        return (self.squares / self.count) ** 0.5 if self.count else 0.0


@dataclasses.dataclass(slots=True)
class LossUse:
    """One loss function called from one line of the user's code."""

    function: str  # "cross_entropy"
    site: Site
    trained: int = 0  # calls seen whose value was to be differentiated
    evaluated: int = 0  # calls seen that were not
    shapes: Counter[tuple[Shape, Shape]] = dataclasses.field(default_factory=Counter)  # prediction, target
    differing: int = 0  # trained calls in which the shapes differ and were broadcast
    broadcast_blowup: float = 1.0  # elements compared over elements predicted
    probabilities: int = 0  # trained calls whose rows lie in [0, 1] and sum to 1
    log_probabilities: int = 0  # trained calls whose rows are log-probabilities
    within_unit: int = 0  # trained calls whose every input lies in [0, 1]
    above_zero: int = 0  # trained calls with an input above 0
    negative: int = 0  # trained calls whose value was below 0
    opposed: int = 0  # trained calls of which a negative multiple was differentiated
    opposed_by: float = 0.0  # that multiple
    producers: Counter[str] = dataclasses.field(default_factory=Counter)  # the operation that made the prediction
    producer_dims: Counter[int] = dataclasses.field(default_factory=Counter)  # its axis, where it has one
    prediction: Spread = dataclasses.field(default_factory=Spread)
    first_prediction: Spread = dataclasses.field(default_factory=Spread)  # of the first trained call
    target: Spread = dataclasses.field(default_factory=Spread)
    target_is_integer_type: bool = False
    target_whole_numbers: int = 0  # trained calls whose targets are all whole numbers
    target_below_zero: float = 0.0  # largest share of target values below 0 in a call
    target_outside_unit: float = 0.0  # largest share of target values outside [0, 1]
    target_outside_two: float = 0.0  # largest share of target values outside [-1, 1]
    target_rows_sum_to_one: int = 0  # trained calls with soft targets
    target_was_class_number: int = 0  # trained calls whose target was cast from an integer type
    target_values: Counter[float] = dataclasses.field(default_factory=Counter)  # the distinct ones, while few
    target_values_full: bool = True  # whether all distinct values are in there
    classes: int | None = None
    weighted: bool = False  # class weights, pos_weight
    summed: bool = False  # reduction="sum"
    majority_predicted: list[float] = dataclasses.field(default_factory=list)  # share of the commonest answer, per call
    recalls: dict[int, list[int]] = dataclasses.field(default_factory=dict)  # late: class -> [right, seen]
    first_value: float | None = None
    options: dict[str, Any] = dataclasses.field(default_factory=dict)  # label_smoothing, pos_weight, ...

    @property
    def calls(self) -> int:
        """All calls seen."""
        return self.trained + self.evaluated


@dataclasses.dataclass(slots=True)
class Modes:
    """How many forward passes of one network ran with its dropout and BatchNorm layers in which mode."""

    passes: int = 0
    layers: int = 0  # dropout and BatchNorm layers within
    wrong_layers: int = 0  # passes in which all of them were in the mode that does not fit
    mixed: int = 0  # passes in which some were


@dataclasses.dataclass(slots=True)
class ModelUse:
    """One network (a module called by the user's code, not by another module)."""

    name: str  # its class
    number: int  # in the order of first use
    parameters: int = 0
    trained_parameters: int = 0  # held by an optimiser that stepped
    has_batch_norm: bool = False
    has_dropout: bool = False
    dropout: float = 0.0  # the highest probability of its dropout layers
    is_tied: bool = False  # two of its modules share a parameter
    loaded: bool = False  # weights came from a file or another network
    training: Modes = dataclasses.field(default_factory=Modes)  # passes that were trained on
    training_site: Site | None = None
    wrong_mode_site: Site | None = None  # of a trained pass in eval mode
    first_wrong_step: int | None = None
    was_in_train_mode: bool = False  # a trained pass ran in train mode at some time
    eval_called_at: Site | None = None  # the last .eval() before the first such pass
    feeds: int = 0  # trained passes of another network that took what it put out
    starts_normalising: bool = False  # its first layer with parameters normalises, or looks up embeddings
    input_train: Spread = dataclasses.field(default_factory=Spread)
    feature_means: list[float] = dataclasses.field(default_factory=list)  # of the training inputs, by feature
    feature_stds: list[float] = dataclasses.field(default_factory=list)
    input_shape: Shape = ()
    input_is_integer: bool = False
    input_not_finite: bool = False


@dataclasses.dataclass(frozen=True, slots=True)
class EvaluationPart:
    """One forward pass of an evaluation."""

    known: int  # samples that the network was trained on
    hashed: int  # samples that could be told apart
    is_judged: bool  # its answers were held against labels, one for each sample


@dataclasses.dataclass(slots=True)
class EvaluationPass:
    """Forward passes of a trained network between two steps that were not trained on."""

    step: int
    model: int
    forwards: int = 0
    samples: int = 0
    root_in_train: int = 0
    layers: int = 0  # dropout and BatchNorm layers run
    layers_in_train: int = 0
    functional_dropout: int = 0  # F.dropout with training left on
    gradients_on: int = 0
    repeated_inputs: int = 0  # forwards on an input just seen: Monte Carlo dropout
    training_inputs: int = 0  # forwards on a batch that was trained on
    scored: int = 0  # losses and comparisons made in it
    losses: list[tuple[float, int]] = dataclasses.field(default_factory=list)  # value, samples
    right: int = 0
    compared: int = 0
    answers: int = 0  # held against something: several a sample where it has several targets
    site: Site | None = None
    names_held_out: bool = False  # the code calls its data validation or test
    names_training: bool = False  # the code calls its data training data
    known_samples: int = 0  # samples that this network was trained on
    hashed_samples: int = 0
    distinct_samples: int = 0
    parts: list[EvaluationPart] = dataclasses.field(default_factory=list)  # of the first forward passes
    features_are_judged: bool = False  # the figures below are of passes that were scored, or called held out, alone
    feature_samples: int = 0  # that they are of
    feature_means: list[float] = dataclasses.field(default_factory=list)
    feature_stds: list[float] = dataclasses.field(default_factory=list)
    inputs: Spread = dataclasses.field(default_factory=Spread)
    correlations: list[float] = dataclasses.field(default_factory=list)


@dataclasses.dataclass(slots=True)
class ParameterUse:
    """One parameter that took part."""

    name: str  # "net.0.weight", as far as it could be named
    model: int | None  # the network it ran in
    layer: str  # class of the module that owns it, "" for none
    shape: Shape
    requires_grad: bool = True
    in_optimizer: bool = False  # of one that stepped
    reached: int = 0  # backward passes whose graph held it
    ran: int = 0  # trained forward passes in which its module ran
    ran_without_gradient: int = 0  # the same with gradients switched off
    orphaned: int = 0  # passes that nothing was trained on
    registered: bool = True  # among the parameters() of the network that it ran in
    loaded: bool = False
    stepped_before: bool = False  # it was trained at some time
    default_start: bool = False  # looks drawn by the layer's own initialisation
    changed: bool = False  # between the first and the last look
    gain: float | None = None  # at the start: root mean square of a weight, times the root of its inputs
    rows_alike: bool = False  # at the start: all units of the layer the same
    rows_alike_at_end: bool = False
    mode_eval: bool = False  # its network ran in eval mode
    is_bare: bool = False  # no module owns it
    role: str = ""  # "Linear": inputs are multiplied by it, whoever owns it
    units_last: bool = False  # its units lie along its last axis, as in x @ w
    gradients: int = 0  # steps looked at in which it had a gradient
    zero_gradients: int = 0  # of these, with a gradient of exactly 0 everywhere

    @property
    def is_linear(self) -> bool:
        """Whether inputs are multiplied by it, as in a linear or convolution layer."""
        return len(self.shape) >= 2 and (self.role == "Linear" or self.layer.startswith(("Linear", "Conv")))


@dataclasses.dataclass(slots=True)
class OptimizerUse:
    """One optimiser."""

    name: str
    number: int
    site: Site | None = None
    steps: int = 0
    windows: int = 0  # between two steps, looked at
    uncleared: int = 0  # windows in which the gradients were never cleared
    cleared_before_step: int = 0  # steps right after a clear: all gradients gone although a backward pass ran
    without_gradient: int = 0  # steps looked at in which no parameter had a gradient
    looked: int = 0  # steps looked at
    idle: int = 0  # of these, without any gradient although a backward pass had run and nothing was cleared since
    backwards: int = 0  # backward passes in its windows
    unreached: int = 0  # its parameters that no backward pass ever reached
    held: int = 0  # its parameters
    weight_decay: float = 0.0
    momentum: float = 0.0
    lrs: list[tuple[int, float]] = dataclasses.field(default_factory=list)  # step, rate of the first group
    is_closure: bool = False
    step_site: Site | None = None
    ratios: list[tuple[int, float]] = dataclasses.field(default_factory=list)  # step, median update/weight
    weight_norms: list[tuple[int, float]] = dataclasses.field(default_factory=list)
    gradient_norms: list[tuple[int, float]] = dataclasses.field(default_factory=list)


@dataclasses.dataclass(slots=True)
class ActivationUse:
    """One place in a network where a nonlinearity is applied."""

    function: str  # "relu", "sigmoid", "tanh"
    place: str  # "net.1"
    order: int  # in the forward pass
    site: Site | None = None
    units: int = 0
    samples: int = 0  # in the last window
    dead: float = 0.0  # share of units at zero for every sample of the last window
    dead_at_start: float = 0.0
    saturated: float = 0.0  # share of values in the flat part, last window
    saturated_at_start: float = 0.0
    is_output: bool = False
    std_at_start: float = 0.0
    histogram: list[int] = dataclasses.field(default_factory=list)  # of the outputs, when last looked at
    edges: tuple[float, float] = (0.0, 0.0)  # between which its bins lie


@dataclasses.dataclass(slots=True)
class SoftmaxUse:
    """A softmax called from one line."""

    function: str
    site: Site
    calls: int = 0
    over_batch: int = 0  # over the axis that samples lie along, in a trained pass
    size_one: int = 0  # over an axis of one entry
    shape: Shape = ()
    dim: int | None = None
    implicit: int = 0  # no axis given
    summed_elsewhere: int = 0  # its weights were multiplied with values along another axis than its own


@dataclasses.dataclass(slots=True)
class BroadcastUse:
    """A line outside any network where [n, 1] meets [n] on the way to the loss."""

    site: Site
    shapes: tuple[Shape, Shape]
    hits: int = 0


@dataclasses.dataclass(slots=True)
class ReshapeUse:
    """A line that reshapes a batch so that its length stands at another axis than the first."""

    site: Site
    before: Shape
    after: Shape
    hits: int = 0  # trained passes that took what came out, and gave one output for each sample


@dataclasses.dataclass(slots=True)
class CutUse:
    """A line that leaves the autograd graph with a tensor that was in it, or passes no gradient on."""

    how: str  # "detach"
    site: Site
    calls: int = 0
    inside_forward: int = 0
    lost: int = 0  # backward passes in which what lies behind got no gradient through it, although the loss needs it


@dataclasses.dataclass(slots=True)
class LinearPair:
    """Two linear layers with nothing nonlinear between them."""

    shapes: tuple[Shape, Shape]  # of the weights, first and second
    hits: int = 0
    names: tuple[str, str] = ("", "")


@dataclasses.dataclass(slots=True)
class LayerFlow:
    """The gradient of one weight matrix, in the order of the forward pass."""

    name: str
    layer: str
    order: int
    model: int | None
    gradient_rms: list[tuple[int, float]] = dataclasses.field(default_factory=list)
    ratios: list[tuple[int, float]] = dataclasses.field(default_factory=list)


@dataclasses.dataclass(slots=True)
class LoaderUse:
    """One DataLoader."""

    number: int
    shuffled: bool
    custom_order: bool  # a sampler of the user's own
    weighted_sampler: bool
    batch_size: int | None
    batches: int | None
    samples: int | None
    trained_batches: int = 0
    site: Site | None = None


@dataclasses.dataclass(slots=True)
class LabelOrder:
    """How the labels of successive training batches go together."""

    batches: int = 0
    classes: int = 0
    chi_square: float = 0.0  # of the table batches x classes
    degrees: int = 0
    purity: float = 0.0  # mean share of the commonest class in a batch
    expected_purity: float = 0.0  # the same for batches drawn at random
    runs: float = 1.0  # neighbours that share the label over what chance gives


@dataclasses.dataclass(frozen=True, slots=True)
class GoalOrder:
    """How the regression targets of successive training batches go together."""

    batches: int
    within: float  # mean variance within a batch over that of all targets; 1 for batches drawn at random
    one_way: float  # share of batches whose mean lies on the commoner side of the one before; 0.5 at random


@dataclasses.dataclass(frozen=True, slots=True)
class Repeats:
    """How often an input that came up again in training had the same label as before."""

    inputs: int  # different ones
    repeats: int
    agreeing: int
    chance: float  # share that labels dealt out at random would agree by
    classes: int


@dataclasses.dataclass(slots=True)
class NotFinite:
    """The first value that was not finite."""

    step: int
    what: str  # "inputs", "targets", "loss", "gradients", "weights"
    operation: str = ""  # "log of 0"
    site: Site | None = None
    grew: float = 1.0  # loss, or weights, just before over the start
    parameters_finite: bool = True
    inputs_finite: bool = True


@dataclasses.dataclass(slots=True)
class SchedulerUse:
    """One learning-rate scheduler."""

    name: str
    site: Site | None
    calls: int = 0
    call_site: Site | None = None
    total: int | None = None  # the steps that it was told to take
    lrs: list[tuple[int, float]] = dataclasses.field(default_factory=list)  # optimiser step, rate after the call


@dataclasses.dataclass(slots=True)
class Checked:
    """What the recipe's own checks gave on copies, after the training; None where a check could not be made."""

    expected_loss: float | None = None  # of outputs that say nothing: ln C for cross-entropy over C classes
    samples: int = 0  # of one recorded batch, to be learned by heart
    first_loss: float | None = None  # of these samples, on the weights before the first step
    learned_loss: float | None = None  # the lowest that was reached on them
    learned_steps: int | None = None  # until they were learned; None: they were not, in the steps given
    zeroed_loss: float | None = None  # the lowest that was reached with all inputs zero
    constant_loss: float | None = None  # of the best output that is the same for all of them


@dataclasses.dataclass(slots=True)
class Recording:
    """All that was seen of one run of a script."""

    script: str = ""
    steps: int = 0  # of all optimisers
    backwards: int = 0
    looked: int = 0  # of these, looked at
    seconds: float = 0.0
    ended: str = "done"  # "done", or what ended it
    clip_norm: float | None = None  # the gradient norm is clipped to
    opaque: list[str] = dataclasses.field(default_factory=list)  # parts that could not be looked into
    losses: list[LossUse] = dataclasses.field(default_factory=list)
    models: list[ModelUse] = dataclasses.field(default_factory=list)
    evaluations: list[EvaluationPass] = dataclasses.field(default_factory=list)
    parameters: list[ParameterUse] = dataclasses.field(default_factory=list)
    optimizers: list[OptimizerUse] = dataclasses.field(default_factory=list)
    schedulers: list[SchedulerUse] = dataclasses.field(default_factory=list)
    activations: list[ActivationUse] = dataclasses.field(default_factory=list)
    softmaxes: list[SoftmaxUse] = dataclasses.field(default_factory=list)
    flats: list[CutUse] = dataclasses.field(default_factory=list)  # sign, round, ...: their derivative is 0 everywhere
    broadcasts: list[BroadcastUse] = dataclasses.field(default_factory=list)
    reshapes: list[ReshapeUse] = dataclasses.field(default_factory=list)
    cuts: list[CutUse] = dataclasses.field(default_factory=list)
    linear_pairs: list[LinearPair] = dataclasses.field(default_factory=list)
    nonlinear_operations: int = 0  # kinds of them in the trained graph
    flows: list[LayerFlow] = dataclasses.field(default_factory=list)
    loaders: list[LoaderUse] = dataclasses.field(default_factory=list)
    labels: LabelOrder | None = None
    label_entropy: float | None = None  # nats, of the class labels trained on
    goals: GoalOrder | None = None  # of regression targets
    repeats: Repeats | None = None  # inputs that came up again, and their labels
    not_finite: NotFinite | None = None
    step_losses: list[tuple[int, float]] = dataclasses.field(default_factory=list)
    epoch_starts: list[int] = dataclasses.field(default_factory=list)  # steps at which the training data began anew
    rootless: int = 0  # backward passes from a tensor that depends on no parameter
    rootless_site: Site | None = None
    backward_site: Site | None = None
    manual_updates: int = 0  # parameters changed between backward passes without an optimiser
    manual_uncleared: int = 0
    manual_windows: int = 0
    broken_graph: str = ""  # the message of a backward pass that failed for want of a graph
    leak_column: int | None = None  # an input feature that equals the target
    leak_columns: int = 0
    leak_samples: int = 0
    training_accuracy: list[tuple[int, float, int]] = dataclasses.field(default_factory=list)  # step, share, samples
    hashed_training: int = 0
    distinct_training: int = 0  # different samples that were trained on, as far as looked at
    coverage: float = 1.0  # share of the training set that was looked at: later batches hold that many known samples
    checked: Checked | None = None  # written by the examination, not while recording
    faults: list[str] = dataclasses.field(default_factory=list)  # of the recorder's own, for a bug report

    @property
    def optimised(self) -> list[OptimizerUse]:
        """The optimisers that stepped."""
        return [use for use in self.optimizers if use.steps]

    @property
    def is_adversarial(self) -> bool:
        """Two optimisers or more take turns: GANs, actor and critic."""
        return len([use for use in self.optimised if use.steps >= 3]) > 1
