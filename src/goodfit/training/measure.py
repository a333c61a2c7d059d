"""What the recipe's gates read of a problem before it is trained: first losses, outputs, gradients, activations.

Nothing here judges. A model is built, looked at and thrown away, so there is no state to restore. Losses are the
recipe's probe losses: dropout off, BatchNorm on the statistics of the batch.
"""

from __future__ import annotations

import dataclasses
import math
import warnings
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from goodfit.hyperparameters import Hyperparameters
from goodfit.training.expected_loss import Expected, expected_loss
from goodfit.training.faults import check_scalar, telling
from goodfit.training.probing import batch_statistics
from goodfit.training.problem import Batch, Problem, Split, as_pair
from goodfit.training.seeds import SUBSET, mixed
from goodfit.training.splits import seeded
from goodfit.training.structure import build_model

WHAT = "looking at the untrained model"
SUMS_TO_ONE = 1e-4  # how near to 1 a row of probabilities sums (recipe 6.2)
ROWS_THAT_DO = 0.99  # share of rows that must (recipe 6.2)


@dataclasses.dataclass(frozen=True, slots=True)
class InitialMeasured:
    """The loss before training, over several initialisations, and what explains it."""

    losses: tuple[np.ndarray, ...]  # per seed, the loss of each batch, float64 [batches]
    batch_size: int
    samples: int
    expected: Expected | None  # None for a loss of (model, batch)
    output_sd: float | None  # over the outputs of a sample (classes) or the samples (one output): logit spread
    mean_probabilities: tuple[float, ...] | None  # of the classes, worst seed, where the loss is over classes
    target_mean: float | None  # of real targets
    target_sd: float | None
    probabilities: str  # "rows", "log rows", "columns", "one" where outputs are already normalised; else ""
    low: float | None  # of the outputs when the weights are blown up: what the last activation can produce
    high: float | None
    target_low: float | None
    target_high: float | None


@dataclasses.dataclass(frozen=True, slots=True)
class LayerActivity:
    """A layer's outputs before training, over the samples looked at."""

    name: str
    kind: str  # the module's class
    sd: float
    spread: float  # mean over the units of the sd over the samples: 0 when the inputs do not get through
    dead: float  # of a ReLU layer: share of units that are zero for every sample
    saturated: float  # of a tanh or sigmoid layer: share of values in the flat parts


@dataclasses.dataclass(frozen=True, slots=True)
class GradientFlow:
    """Where gradients arrive in one backward pass before training."""

    has_graph: bool  # the loss depends on any parameter
    loss: float
    parameters: int  # tensors that ask for gradients
    frozen: tuple[str, ...]  # tensors that do not
    cut: tuple[str, ...]  # tensors of layers that took part and got no gradient at all
    unused: tuple[str, ...]  # tensors of layers that took no part
    zero: tuple[str, ...]  # gradient exactly zero
    not_finite: tuple[str, ...]
    identical_units: tuple[str, ...]  # weights whose rows are all the same, and their gradients too
    first_rms: float | None  # rms gradient of the first and last weight that has one
    last_rms: float | None
    layers: tuple[LayerActivity, ...]
    inputs_change: bool  # the same samples read twice give other inputs
    targets_change: bool  # ... or other targets


@dataclasses.dataclass(frozen=True, slots=True)
class SampleMeasured:
    """The tiny sample of recipe 2.2, and the landmarks of its loss."""

    indices: tuple[int, ...]
    more: tuple[int, ...]  # for the second part: several minibatches, these among them
    batch_size: int  # of the second part
    distinct_targets: int | None  # None: targets cannot be told from inputs
    conflicting: int  # pairs of equal inputs with different targets that could not be avoided
    expected: Expected | None
    classes: bool  # each target is a class number

    @property
    def floor(self) -> float | None:
        return None if self.expected is None else self.expected.floor

    @property
    def constant(self) -> float | None:
        return None if self.expected is None else self.expected.constant


def built(problem: Problem, hyperparameters: Mapping[str, Any], seed: int) -> nn.Module:
    """The task's model with the initial weights that a trial of this seed has."""
    return build_model(problem.build, hyperparameters, seed, problem.device, problem.dtype)


def fixed_subset(split: Split, count: int, *, salt: int = 0) -> Tensor:
    """`count` indices without repeats, the same at every call; int64, sorted."""
    generator = torch.Generator().manual_seed(mixed(salt, SUBSET))
    return torch.randperm(len(split), generator=generator)[:count].sort().values


def measure_initial(
    problem: Problem,
    hyperparameters: Mapping[str, Any],
    seed: int,
    *,
    samples: int = 1024,
    batches: int = 10,
    seeds: int = 4,
) -> InitialMeasured:
    """The first loss of `seeds` initialisations on the same samples.

    Args:
        problem: what is trained.
        hyperparameters: those of the model.
        seed: the first trial seed; the others follow it.
        samples: at most this many of the training split.
        batches: fewest batches, where that leaves 16 samples in each (BatchNorm needs them).
        seeds: how many initialisations.
    """
    indices = fixed_subset(problem.train, samples)
    wanted = int(hyperparameters.get("batch_size", problem.default_batch_size))
    size = max(min(wanted, len(indices) // batches), min(16, len(indices)))
    chunks = [chunk for chunk in indices.split(size) if len(chunk) == size or len(indices) < size]
    losses, outputs = [], []
    for number in range(seeds):
        model = built(problem, hyperparameters, seed + number)
        with telling(WHAT), torch.no_grad(), probing(model), quiet():
            run = [_loss_and_output(problem, model, problem.train.fetch(chunk)) for chunk in chunks]
        losses.append(np.array([loss for loss, _ in run]))
        outputs.append([output for _, output in run])
    if problem.loss.of_model or outputs[0][0] is None:
        return InitialMeasured(
            tuple(losses), size, len(chunks) * size, None, None, None, None, None, "", None, None, None, None
        )
    inputs, target = as_pair(problem.train.fetch(indices[: min(len(indices), 512)]))
    model = built(problem, hyperparameters, seed)
    with telling(WHAT), torch.no_grad(), probing(model), quiet():
        prediction = model(inputs)
        low, high = _reach(model, inputs)
    expected = expected_loss(problem.loss.function, prediction, target)
    joined = [torch.cat([part.flatten(2) if part.ndim > 2 else part for part in seed_]) for seed_ in outputs]
    real = isinstance(target, Tensor) and target.is_floating_point()
    return InitialMeasured(
        losses=tuple(losses),
        batch_size=size,
        samples=len(chunks) * size,
        expected=expected,
        output_sd=float(np.median([_spread(one, expected.nats) for one in joined])),
        mean_probabilities=_favoured([_class_rows(one) for one in joined]) if expected.normalises else None,
        target_mean=float(target.double().mean()) if real else None,
        target_sd=float(target.double().std(correction=0)) if real else None,
        probabilities=_normalised(joined),
        low=low,
        high=high,
        target_low=float(target.min()) if real else None,
        target_high=float(target.max()) if real else None,
    )


def measure_flow(
    problem: Problem, hyperparameters: Mapping[str, Any], seed: int, *, samples: int = 256
) -> GradientFlow:
    """One forward and backward pass of the untrained model, watched layer by layer."""
    indices = fixed_subset(problem.train, samples)
    batch, again = problem.train.fetch(indices), problem.train.fetch(indices)
    model = built(problem, hyperparameters, seed)
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    asked = {name: parameter for name, parameter in model.named_parameters() if parameter.requires_grad}
    seen: set[str] = set()
    layers: list[LayerActivity] = []

    def watch(path: str) -> Any:
        def look(module: nn.Module, _: Any, output: Any) -> None:
            seen.update(names[id(p)] for p in module.parameters(recurse=False) if id(p) in names)
            if isinstance(output, Tensor) and output.is_floating_point() and output.ndim > 1 and len(output) > 1:
                layers.append(_activity(path, module, output.detach()))

        return look

    with telling(WHAT), probing(model), quiet():
        handles = [module.register_forward_hook(watch(path)) for path, module in model.named_modules() if path]
        try:
            loss = problem.loss(model, batch)
            check_scalar(loss, WHAT)
        finally:
            for handle in handles:
                handle.remove()
        has_graph = bool(loss.requires_grad)
        if has_graph:
            loss.backward()
    gradients = {name: parameter.grad for name, parameter in asked.items()}
    arrived = {name: gradient for name, gradient in gradients.items() if gradient is not None}
    weights = [gradient for name, gradient in arrived.items() if asked[name].ndim > 1]
    rms = [float(gradient.double().square().mean().sqrt()) for gradient in weights]
    return GradientFlow(
        has_graph=has_graph,
        loss=float(loss.detach()),
        parameters=len(asked),
        frozen=tuple(name for name in names.values() if name not in asked),
        cut=tuple(name for name in asked if name not in arrived and name in seen),
        unused=tuple(name for name in asked if name not in arrived and name not in seen),
        zero=tuple(name for name, gradient in arrived.items() if not bool(gradient.any())),
        not_finite=tuple(name for name, gradient in arrived.items() if not bool(gradient.isfinite().all())),
        identical_units=tuple(
            name
            for name, gradient in arrived.items()
            if _rows_identical(asked[name].detach(), 0.0) and _rows_identical(gradient, 1e-4)
        ),
        first_rms=rms[0] if rms else None,
        last_rms=rms[-1] if rms else None,
        layers=tuple(layers),
        inputs_change=not _same(_inputs_of(batch), _inputs_of(again)),
        targets_change=not _same(_target_of(batch), _target_of(again)),
    )


def measure_sample(
    problem: Problem, hyperparameters: Mapping[str, Any], seed: int, *, count: int = 20, batches: int = 8
) -> SampleMeasured:
    """A tiny sample: at least two targets, no equal inputs with different targets where that can be avoided.

    Args:
        problem: what is trained.
        hyperparameters: those of the model; `batch_size` is that of the second part.
        seed: of the model whose outputs' shape the loss is measured on.
        count: samples of the first part.
        batches: minibatches of the second.
    """
    size = min(int(hyperparameters.get("batch_size", problem.default_batch_size)), max(1, len(problem.train) // 2))
    more = fixed_subset(problem.train, batches * size, salt=3)
    if len(more) > size:
        more = more[: len(more) // size * size]
    pool = fixed_subset(problem.train, max(50 * count, 500), salt=1)
    pool = pool[torch.randperm(len(pool), generator=torch.Generator().manual_seed(mixed(1, SUBSET)))]
    batch = problem.train.fetch(pool)
    target = _target_of(batch)
    several = tuple(more.tolist())
    if not isinstance(target, Tensor):
        return SampleMeasured(tuple(pool[:count].tolist()), several, size, None, 0, None, False)
    inputs = [hash(row) for row in row_bytes(_inputs_of(batch), len(pool))]
    targets = [hash(row) for row in row_bytes(target, len(pool))]
    chosen = _chosen(inputs, targets, count)
    indices = pool[chosen]
    pairs = [(i, j) for place, i in enumerate(chosen) for j in chosen[:place] if inputs[i] == inputs[j]]
    expected = None
    if not problem.loss.of_model:
        model = built(problem, hyperparameters, seed)
        sample_inputs, sample_target = as_pair(problem.train.fetch(indices))
        with telling(WHAT), torch.no_grad(), probing(model), quiet():
            prediction = model(sample_inputs)
        if isinstance(prediction, Tensor):
            expected = expected_loss(problem.loss.function, prediction, sample_target)
    return SampleMeasured(
        indices=tuple(indices.tolist()),
        more=several,
        batch_size=size,
        distinct_targets=len({targets[i] for i in chosen}),
        conflicting=sum(targets[i] != targets[j] for i, j in pairs),
        expected=expected,
        classes=not target.is_floating_point() and target.ndim == 1,
    )


def reinitialised(problem: Problem) -> Problem:
    """The same problem with the usual initialisation of its layers: the remedy for a bad one.

    Linear and convolutional weights get He's variance for the ReLU family [231n-2], biases zero; other modules
    PyTorch's own `reset_parameters`.
    """

    def build(hyperparameters: Hyperparameters) -> nn.Module:
        model = problem.build(hyperparameters)
        linear = [module for module in model.modules() if isinstance(module, (nn.Linear, nn.modules.conv._ConvNd))]
        for module in model.modules():
            if any(module is one for one in linear):
                last = module is linear[-1]
                for name, parameter in module.named_parameters(recurse=False):
                    if name == "weight":
                        nn.init.kaiming_normal_(parameter, nonlinearity="linear" if last else "relu")
                    elif name == "bias":
                        nn.init.zeros_(parameter)
            elif callable(reset := getattr(module, "reset_parameters", None)):
                reset()
        return model

    return dataclasses.replace(problem, build=build)


def row_bytes(batch: Batch, rows: int) -> list[bytes]:
    """Each sample's bytes, over all tensors of a batch; for telling copies."""
    parts = [
        np.ascontiguousarray(tensor.detach().cpu().reshape(rows, -1).numpy())
        for tensor in tensors_of(batch).values()
        if tensor.ndim > 0 and len(tensor) == rows
    ]
    return [b"".join(part[row].tobytes() for part in parts) for row in range(rows)]


def tensors_of(batch: Batch, name: str = "") -> dict[str, Tensor]:
    """The tensors of a batch by their place in it."""
    if isinstance(batch, Tensor):
        return {name: batch}
    if isinstance(batch, Mapping):
        items: Sequence[tuple[Any, Any]] = list(batch.items())
    elif isinstance(batch, (tuple, list)):
        items = list(enumerate(batch))
    else:
        return {}
    found: dict[str, Tensor] = {}
    for key, item in items:
        found.update(tensors_of(item, f"{name}.{key}" if name else str(key)))
    return found


def pair_or_none(batch: Batch) -> tuple[Any, Any] | None:
    """The (inputs, target) of a batch, or None where it is no pair."""
    return (batch[0], batch[1]) if isinstance(batch, (tuple, list)) and len(batch) == 2 else None


def _inputs_of(batch: Batch) -> Any:
    pair = pair_or_none(batch)
    return batch if pair is None else pair[0]


def _target_of(batch: Batch) -> Any:
    pair = pair_or_none(batch)
    return None if pair is None else pair[1]


@contextmanager
def probing(model: nn.Module) -> Generator[None]:
    """Dropout off, BatchNorm on the batch's statistics, random operators the same at every pass."""
    with batch_statistics(model), seeded(0):
        yield


@contextmanager
def quiet() -> Generator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # broadcasting and lazy layers are told as findings or not at all
        yield


def _loss_and_output(problem: Problem, model: nn.Module, batch: Batch) -> tuple[float, Tensor | None]:
    if problem.loss.of_model:
        return float(problem.loss(model, batch)), None
    inputs, target = as_pair(batch)
    output = model(inputs)
    loss = float(problem.loss.function(output, target))
    return loss, output.double().cpu() if isinstance(output, Tensor) else None


def _spread(outputs: Tensor, classes: bool) -> float:
    """Logit spread σ_z: around each sample's own mean where outputs compete, else around the mean of all."""
    if classes and outputs.ndim > 1 and outputs.shape[1] > 1:
        return float(outputs.std(dim=1, correction=0).square().mean().sqrt())
    return float(outputs.square().mean().sqrt())


def _class_rows(outputs: Tensor) -> Tensor:
    """[n, classes] of outputs [n, classes, ...]."""
    return outputs if outputs.ndim == 2 else outputs.movedim(1, -1).reshape(-1, outputs.shape[1])


def _favoured(rows: Sequence[Tensor]) -> tuple[float, ...]:
    """The mean predicted distribution over classes: that of the median seed by its largest share."""
    means = sorted((one.softmax(dim=1).mean(dim=0) for one in rows), key=lambda mean: float(mean.max()))
    return tuple(means[len(means) // 2].tolist())


def _normalised(outputs: Sequence[Tensor]) -> str:
    """Whether outputs [n, C] come out of a softmax or log-softmax, and over which axis; in every initialisation."""

    def ones(sums: Tensor) -> bool:
        return float(((sums - 1.0).abs() <= SUMS_TO_ONE).double().mean()) >= ROWS_THAT_DO

    def kind(one: Tensor) -> str:
        if one.ndim < 2 or not bool(one.isfinite().all()):
            return ""
        if one.shape[1] == 1:
            return "one" if bool((one == 1).all()) else ""
        within = bool((one >= 0).all()) and bool((one <= 1).all())
        if within and ones(one.sum(dim=1)):
            return "rows"
        if bool((one <= 0).all()) and ones(one.exp().sum(dim=1)):
            return "log rows"
        return ""

    kinds = {kind(one) for one in outputs}
    return kinds.pop() if len(kinds) == 1 else ""


def _reach(model: nn.Module, inputs: Any) -> tuple[float | None, float | None]:
    """The least and greatest output when the weights are blown up, with either sign: bounds of the last activation."""
    before = {name: parameter.detach().clone() for name, parameter in model.named_parameters()}
    low, high = math.inf, -math.inf
    for factor in (30.0, -30.0):
        for name, parameter in model.named_parameters():
            parameter.copy_(before[name] * factor)
        outputs = model(inputs)
        if not isinstance(outputs, Tensor) or not bool(outputs.isfinite().all()):
            return None, None
        low, high = min(low, float(outputs.min())), max(high, float(outputs.max()))
    return low, high


def _activity(path: str, module: nn.Module, output: Tensor) -> LayerActivity:
    values = output.double().flatten(1)
    by_unit = output.double().movedim(1, 0).flatten(1) if output.ndim > 2 else values.T  # channels are units
    dead = saturated = 0.0
    if isinstance(module, (nn.ReLU, nn.ReLU6)):
        dead = float((by_unit == 0).all(dim=1).double().mean())
    elif isinstance(module, nn.Tanh):
        saturated = float((values.abs() > 0.97).double().mean())
    elif isinstance(module, nn.Sigmoid):
        saturated = float(((values < 0.03) | (values > 0.97)).double().mean())
    return LayerActivity(
        name=path,
        kind=type(module).__name__,
        sd=float(values.std(correction=0)),
        spread=float(values.std(dim=0, correction=0).mean()),
        dead=dead,
        saturated=saturated,
    )


def _rows_identical(weight: Tensor, tolerance: float) -> bool:
    if weight.ndim < 2 or len(weight) < 2 or weight[0].numel() < 2:
        return False
    return bool(((weight - weight[:1]).abs() <= tolerance * weight.abs().max()).all())


def _same(one: Any, other: Any) -> bool:
    first, second = tensors_of(one), tensors_of(other)
    return first.keys() == second.keys() and all(
        first[name].shape == second[name].shape and torch.equal(first[name], second[name]) for name in first
    )


def _chosen(inputs: Sequence[int], targets: Sequence[int], count: int) -> list[int]:
    """Positions of samples with distinct inputs, taking turns among the targets so that there are at least two."""
    by_target: dict[int, list[int]] = {}
    known: set[int] = set()
    for position, (row, target) in enumerate(zip(inputs, targets, strict=True)):
        if row not in known:
            known.add(row)
            by_target.setdefault(target, []).append(position)
    queues = list(by_target.values())
    chosen: list[int] = []
    turn = 0
    while len(chosen) < count and any(len(queue) > turn for queue in queues):
        chosen += [queue[turn] for queue in queues if len(queue) > turn]
        turn += 1
    if len(chosen) < min(2, count):  # all inputs are equal: take them with their conflicts
        chosen = list(range(len(inputs)))
    return sorted(chosen[:count])
