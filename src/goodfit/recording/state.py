"""What the parts of a recorder share while a loop runs."""

from __future__ import annotations

import dataclasses
import os
import threading
import weakref
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from goodfit.recording.records import (
    CutUse,
    EvaluationPass,
    LossUse,
    ModelUse,
    ParameterUse,
    Recording,
    Site,
)
from goodfit.recording.sites import Sites

without_functions = torch._C.DisableTorchFunction  # our own computing is not looked at

_MOST_FAULTS = 20


@dataclasses.dataclass(slots=True)
class Forward:
    """One call of a network that was not yet told a trained one or an evaluation."""

    use: ModelUse
    module: nn.Module
    site: Site | None
    frame_names: tuple[str, ...]
    gradients_on: bool
    root_training: bool
    step: int = 0
    layers: int = 0
    layers_in_train: int = 0
    functional_dropout: int = 0
    numbers: tuple[int, ...] = ()  # of the outputs' graph nodes
    ran: list[tuple[nn.Module, bool]] = dataclasses.field(default_factory=list)  # with its gradients on or off
    args: tuple[Any, ...] | None = None
    kwargs: dict[str, Any] | None = None
    output: Any = None  # a weak reference
    outputs: tuple[Any, ...] = ()  # the same, of all that it put out
    source: ModelUse | None = None  # the network whose output it took
    samples: int = 0
    hashes: list[int] = dataclasses.field(default_factory=list)
    features: tuple[list[float], list[float]] | None = None
    inputs: Tensor | None = None
    given: list[Tensor] | None = None  # all tensors that it took
    labels: Tensor | None = None  # that its answers were held against, one for each sample
    repeated: bool = False
    trained: bool = False
    scored: int = 0
    losses: list[tuple[float, int]] = dataclasses.field(default_factory=list)
    right: int = 0
    compared: int = 0
    answers: int = 0  # that were held against something: several a sample, for the places of a sequence
    activations: dict[str, int] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(slots=True)
class LossCall:
    """One call of a loss that was not yet told a trained one or an evaluation."""

    use: LossUse
    number: int | None  # of its graph node
    join: Callable[[bool], None]  # puts its figures into the record: trained or not
    value: float | None
    samples: int
    forward: Forward | None
    inside: Forward | None = None  # the pass within which it was called: a network that computes its own loss
    exact: bool = False  # the prediction is the network's output, laid out anew at most
    shape: tuple[int, ...] = ()  # of the prediction
    producer: int | None = None  # number of the graph node that made the prediction
    target: Tensor | None = None
    function: Callable[..., Tensor] | None = None
    kwargs: dict[str, Any] = dataclasses.field(default_factory=dict)
    accuracy: tuple[int, int] | None = None  # right answers, answers
    trained: bool = False


class State:
    """Shared by the parts of one recorder; only the thread and process that started it are watched."""

    def __init__(self, recording: Recording, sites: Sites) -> None:
        self.recording = recording
        self.sites = sites
        self.process = os.getpid()
        self.thread = threading.get_ident()
        self.enabled = True
        self.looking = False  # this window, between two steps, is looked at
        self.deep = False  # and so are its activations
        self.busy = False  # our own code runs
        self.in_step = False
        self.step = 0
        self.root_value = 0.0  # of what the last backward pass differentiated
        self.stack: list[nn.Module] = []
        self.forward: Forward | None = None
        self.pending: list[Forward] = []
        self.losses: list[LossCall] = []
        self.last_output: Any = None
        self.last_use: ModelUse | None = None
        self.parameter_uses: dict[int, ParameterUse] = {}
        self.parameters: dict[int, weakref.ref[Tensor]] = {}
        self.bare: dict[int, ParameterUse] = {}  # of those, the ones that no module owns
        self.weights: dict[int, tuple[weakref.ref[Tensor], bool]] = {}  # leaves that inputs are multiplied by
        self.models: dict[int, tuple[weakref.ref[nn.Module], ModelUse]] = {}
        self.optimised: set[int] = set()  # ids of parameters held by optimisers that stepped
        self.stepped_once: set[int] = set()
        self.loaded: set[int] = set()  # ids of parameters that were loaded or copied from trained ones
        self.hashes: set[int] = set()  # of samples that were trained on
        self.learned: dict[int, set[int]] = {}  # the same by network: another one that sees them later is not to blame
        self.hashed = 0
        self.later = [0, 0]  # samples of batches looked at later on: known ones, all
        self.cuts: dict[Site, CutUse] = {}
        self.passes: dict[int, EvaluationPass] = {}  # open ones, by model
        self.eval_calls: dict[int, Site | None] = {}  # module -> where .eval() was called last
        self.cut_weights: set[int] = set()  # ids of weights whose layer's output was also read without its gradient
        self.picked: list[weakref.ref[Tensor]] = []  # the last tensors made by indexing rows of a larger one
        self.on_trained: list[Callable[[Forward, LossCall | None], None]] = []
        self.on_evaluated: list[Callable[[Forward], None]] = []

    def here(self) -> bool:
        """Whether the caller is in the process and thread that is watched, and not our own code."""
        return (
            self.enabled
            and not self.busy
            and threading.get_ident() == self.thread
            and os.getpid() == self.process
            and torch._C._len_torch_dispatch_stack() == 0
            and torch._C._get_tracing_state() is None
        )

    def failed(self, error: Exception, what: str) -> None:
        """A fault of ours must never break the user's training: it is kept for the report, and too many end it."""
        faults = self.recording.faults
        if len(faults) < _MOST_FAULTS:
            faults.append(f"{what}: {type(error).__name__}: {error}")
        else:
            self.enabled = False

    def was_picked(self, given: list[Tensor] | None) -> bool:
        """Whether the first of these tensors holds rows that an index picked."""
        return bool(given) and any(reference() is given[0] for reference in self.picked)

    def alive(self, key: int) -> Tensor | None:
        """The parameter of an id, if it still lives."""
        reference = self.parameters.get(key)
        return None if reference is None else reference()
