"""Backward passes and optimiser steps: what is reached, whether gradients are cleared, how far a step goes."""

from __future__ import annotations

import dataclasses
import math
import weakref
from typing import Any

import torch
from torch import Tensor, nn

from goodfit.recording import graph, tensors
from goodfit.recording.forwards import ForwardWatch, rows_alike
from goodfit.recording.functions import FunctionWatch
from goodfit.recording.losses import LossWatch
from goodfit.recording.records import LayerFlow, LinearPair, OptimizerUse
from goodfit.recording.state import LossCall, State

_MOST_POINTS = 4096
_HELD = 4  # optimisers kept alive until the end
_ROLES = 4  # steps at which the graph is asked which leaves are weights
_MOST_LEAVES = 64  # of a loop without an optimiser
_PROBED = 8  # parameters looked at for leftover gradients
_SMALL = 400  # operations of a graph that is read at every step, where it must be
_RATIO_VALUES = 2_000_000  # weights whose update is measured


@dataclasses.dataclass(slots=True)
class _Tracked:
    use: OptimizerUse
    optimizer: Any  # a weak reference
    cleared: bool = True  # since its last step
    backwards: int = 0  # that reached its parameters since its last step
    all_backwards: int = 0  # of the whole recording, at its last step
    looked_all: bool = False  # the whole window was looked at
    held: Any = None  # the optimiser itself, for the first few: one local to a function would be gone at the end
    before: dict[int, Tensor] = dataclasses.field(default_factory=dict)
    first: dict[int, Tensor] = dataclasses.field(default_factory=dict)  # a few weights at the first step


class OptimizerWatch:
    """Step hooks and backward passes."""

    def __init__(self, state: State, forwards: ForwardWatch, losses: LossWatch, functions: FunctionWatch) -> None:
        self.state = state
        self._forwards = forwards
        self._losses = losses
        self._functions = functions
        self._tracked: dict[int, _Tracked] = {}
        self._flows: dict[int, LayerFlow] = {}
        self._manual: dict[int, Tensor] = {}  # weights at the last backward pass, where no optimiser is
        self._leaves: list[int] = []  # of the last backward pass of such a loop, first layers first
        self._stride = 1
        self.last_loss: LossCall | None = None
        self.cleared_last = False  # gradients were cleared since the last backward pass
        self._suspects: list[str] = []
        self._is_singular = False  # the loss holds operations whose derivative is not finite somewhere
        self._origins = functions.origins
        self._bare = functions.bare

    # ---- construction

    def made(self, optimizer: Any) -> None:
        """An optimiser was built."""
        self._of(optimizer).use.site = self.state.sites.here()

    def _of(self, optimizer: Any) -> _Tracked:
        known = self._tracked.get(id(optimizer))
        if known is None or known.optimizer() is not optimizer:
            use = OptimizerUse(name=type(optimizer).__name__, number=len(self.state.recording.optimizers))
            self.state.recording.optimizers.append(use)
            held = optimizer if len(self._tracked) < _HELD else None
            known = self._tracked[id(optimizer)] = _Tracked(use, weakref.ref(optimizer), held=held)
        return known

    # ---- backward

    def backward(self, roots: Any) -> None:
        """A backward pass is about to run."""
        state, recording = self.state, self.state.recording
        recording.backwards += 1
        self.cleared_last = False
        root = next(iter(tensors.tensors_in(roots)), None)
        if root is None:
            return
        cuts = self._functions.cuts
        cuts.last_root = root.grad_fn._sequence_nr() if root.grad_fn is not None else -1
        scalar = root.numel() == 1 and tensors.is_plain(root)
        value = float(root.detach()) if scalar else math.nan
        if scalar:
            self._note_loss(value)  # of a closure's calls within one step, the first
        if scalar and not math.isfinite(value) and recording.not_finite is None:
            self._origins.tell("loss", root, [], self.last_loss)
        if not state.looking:
            if self._is_singular and recording.not_finite is None:
                self._suspects = graph.suspects(root)
            return
        recording.looked += 1
        if recording.backward_site is None:
            recording.backward_site = state.sites.here()
        seen = graph.walk(root)
        parameters = {key: leaf for key, leaf in seen.leaves.items() if leaf is not root}
        if state.step < _ROLES:
            self._bare.roles(root)
        if self._is_rootless(parameters, seen):
            recording.rootless += 1
            if recording.rootless_site is None:
                recording.rootless_site = state.sites.here()
        for key, leaf in parameters.items():
            entry = state.parameter_uses.get(key) or self._bare.found(leaf)
            if entry is not None:
                entry.reached += 1
        self._functions.cuts.backward(seen, root)
        self._resolve(seen, root, value)
        self._look_for_leftovers(parameters)
        if recording.nonlinear_operations == 0:
            recording.nonlinear_operations = graph.nonlinear(seen.nodes)
        if state.step < 4:
            self._find_pairs(root)
        if scalar and math.isfinite(value) and recording.not_finite is None:
            self._is_singular = len(seen.numbers) < _SMALL and not graph.SINGULAR.isdisjoint(seen.nodes)
            if state.deep or self._is_singular:
                self._suspects = graph.suspects(root)

    def _is_rootless(self, parameters: dict[int, Tensor], seen: graph.Walk) -> bool:
        """Whether a loss depends on nothing that is trained: on no leaf, or on new tensors alone.

        A tensor made anew at every step, torch.tensor(..., requires_grad=True), is a leaf as well; that networks ran
        whose parameters an optimiser holds tells it from a loop that has none.
        """
        if any(isinstance(leaf, nn.Parameter) for leaf in seen.leaves.values()):
            return False
        state = self.state
        if not parameters:
            return True
        if any(key in state.optimised or key in state.weights for key in parameters) or not state.optimised:
            return False
        return any(id(p) in state.optimised for f in state.pending for m, _ in f.ran for p in m._parameters.values())

    def _note_loss(self, value: float) -> None:
        points = self.state.recording.step_losses
        step = self.state.step
        if points and points[-1][0] == step:
            return  # further losses of the same step: the first stands for it
        if step % self._stride == 0:
            points.append((step, value))
        if len(points) >= _MOST_POINTS:
            del points[1::2]
            self._stride *= 2

    def _resolve(self, seen: graph.Walk, root: Tensor, value: float) -> None:
        """Tell the passes and losses that this backward pass trains on."""
        state = self.state
        for call in state.losses:
            if call.number in seen.numbers and not call.trained:
                call.trained = True
                call.join(True)
                self.last_loss = call
                if call.value and value / call.value < 0:
                    times = value / call.value
                    call.use.opposed += abs(times - (call.use.opposed_by or times)) < 1e-3 * abs(times)
                    call.use.opposed_by = times
                if call.accuracy is not None:
                    state.recording.training_accuracy.append(
                        (state.step, call.accuracy[0] / max(call.accuracy[1], 1), call.accuracy[1])
                    )
                self._mark_outputs(call)
        state.root_value = value
        last = next((call for call in reversed(state.losses) if call.trained), None)
        for forward in state.pending:
            if not forward.trained and any(number in seen.numbers for number in forward.numbers):
                self._forwards.train(forward)
                for listener in state.on_trained:
                    listener(forward, last)
        if last is not None and last.target is not None:
            for number, (use, length) in list(self._functions.softmax_numbers.items()):
                if number in seen.numbers and length == len(last.target) and length > 1 and last.target.ndim:
                    use.over_batch += len(use.shape) >= 2 and use.shape[0] not in use.shape[1:]
            self._functions.softmax_numbers.clear()
        if self._functions.broadcast_numbers:
            for number in graph.elementwise(root) & self._functions.broadcast_numbers.keys():
                self._functions.broadcast_numbers[number].hits += 1
            self._functions.broadcast_numbers.clear()
        used = [f for f in state.pending if f.trained]
        for forward in used:
            forward.args = forward.kwargs = forward.inputs = forward.given = forward.labels = None
        state.pending = [f for f in state.pending if not f.trained]
        state.losses = [c for c in state.losses if not c.trained]

    def _mark_outputs(self, call: LossCall) -> None:
        if call.producer is not None:
            use = self._functions._activations.numbers.get(call.producer)
            if use is not None:
                use.is_output = True

    def _find_pairs(self, root: Tensor) -> None:
        pairs = self.state.recording.linear_pairs
        for (before, first), (after, second) in graph.linear_pairs(root, self.state.cut_weights):
            names = (self._name(before), self._name(after))
            shapes = (first, second)
            known = next((pair for pair in pairs if pair.names == names and pair.shapes == shapes), None)
            if known is None:
                known = LinearPair(shapes=shapes, names=names)
                pairs.append(known)
            known.hits += 1

    def _name(self, parameter: Tensor) -> str:
        entry = self.state.parameter_uses.get(id(parameter))
        return entry.name if entry is not None else "a weight"

    def _look_for_leftovers(self, reached: dict[int, Tensor]) -> None:
        """Whether gradients of the step before are still there as new ones are about to be added to them."""
        for tracked in list(self._tracked.values()):
            optimizer = tracked.optimizer()
            if optimizer is None:
                continue
            own = [p for group in optimizer.param_groups for p in group["params"] if id(p) in reached]
            if not own:
                continue
            tracked.backwards += 1
            if tracked.use.steps and not tracked.cleared:
                tracked.cleared = not _are_left(own)
        # a closure is called again and again within its optimiser's first step, which moves the weights between
        if not self.state.in_step and not any(tracked.use.steps for tracked in self._tracked.values()):
            self._look_at_manual(reached)

    def _look_at_manual(self, reached: dict[int, Tensor]) -> None:
        """Loops that change their parameters without an optimiser."""
        recording = self.state.recording
        self._leaves = [key for key in reversed(reached) if key in self.state.parameter_uses][:_MOST_LEAVES]
        moved, leaves = 0, list(reached.items())[:_PROBED]
        for key, leaf in leaves:
            before, now = self._manual.get(key), leaf.detach().flatten()[:64]
            if before is not None and before.shape == now.shape and not torch.equal(before, now):
                moved += 1
        if moved:
            recording.manual_windows += 1
            recording.manual_updates += 1
            recording.manual_uncleared += _are_left([leaf for _, leaf in leaves])
            self.state.step += 1
            recording.steps += 1
            self.settle()
        self._manual = {key: leaf.detach().flatten()[:64].clone() for key, leaf in leaves}

    def after_backward(self) -> None:
        """Gradients of a loop that changes its parameters without an optimiser, right after they were computed."""
        state = self.state
        if not state.deep or state.in_step or any(tracked.use.steps for tracked in self._tracked.values()):
            return
        for key in self._leaves:
            leaf = state.alive(key)
            if leaf is not None and leaf.grad is not None and not leaf.grad.is_sparse:
                self._flow(leaf, float(leaf.grad.norm()) / math.sqrt(leaf.numel()))

    # ---- steps

    def before_step(self, optimizer: Any, args: Any, kwargs: Any) -> None:
        """An optimiser is about to step."""
        state, tracked = self.state, self._of(optimizer)
        use = tracked.use
        use.is_closure |= bool(args and callable(args[0])) or callable(kwargs.get("closure"))
        use.backwards += tracked.backwards
        if not use.steps:
            self._first_step(tracked, optimizer)
        if not state.looking:
            if state.recording.not_finite is None and not _ends_finite(optimizer):
                self._origins.tell("gradients", None, self._suspects, self.last_loss)
            return
        if use.step_site is None:
            use.step_site = state.sites.here()
        parameters = [p for group in optimizer.param_groups for p in group["params"]]
        own = [p for p in parameters if p.grad is not None and not p.grad.is_sparse]
        use.looked += 1
        use.without_gradient += not any(p.grad is not None for p in parameters)
        ran = state.recording.backwards > tracked.all_backwards
        use.idle += ran and not self.cleared_last and not any(p.grad is not None for p in parameters)
        if use.steps and tracked.looked_all and tracked.backwards and not use.is_closure:
            use.windows += 1
            use.uncleared += not tracked.cleared
        if tracked.backwards and not use.is_closure:
            given = [p for p in parameters if p.grad is not None]
            use.cleared_before_step += not given or (self.cleared_last and not _are_left(given))
        if not own:
            return
        norms = torch._foreach_norm([p.grad for p in own])
        total = float(torch.stack([n.double() for n in norms]).square().sum().sqrt())
        use.gradient_norms.append((state.step, total))
        if not math.isfinite(total) and state.recording.not_finite is None:
            self._origins.tell("gradients", None, self._suspects, self.last_loss)
        if state.deep:
            for parameter, norm in zip(own, norms, strict=True):
                entry = state.parameter_uses.get(id(parameter))
                if entry is not None:
                    entry.gradients += 1
                    entry.zero_gradients += float(norm) == 0.0
                self._flow(parameter, float(norm) / math.sqrt(parameter.numel()))
            self._keep_weights(tracked, own)

    def _first_step(self, tracked: _Tracked, optimizer: Any) -> None:
        state, use = self.state, tracked.use
        group = optimizer.param_groups[0]
        use.weight_decay = max(float(g.get("weight_decay") or 0) for g in optimizer.param_groups)
        use.momentum = float(group.get("momentum") or 0)
        for own in optimizer.param_groups:
            for parameter in own["params"]:
                use.held += 1
                state.optimised.add(id(parameter))
                state.stepped_once.add(id(parameter))
                self._bare.hold(parameter)
                if tensors.is_plain(parameter):
                    tracked.first[id(parameter)] = parameter.detach().flatten()[:32].clone()

    def _flow(self, parameter: Tensor, rms: float) -> None:
        if parameter.ndim < 2:
            return
        flow = self._flows.get(id(parameter))
        if flow is None:
            entry = self.state.parameter_uses.get(id(parameter))
            if entry is None or len(self._flows) > 500:
                return
            flow = self._flows[id(parameter)] = LayerFlow(
                name=entry.name, layer=entry.role or entry.layer, order=len(self._flows), model=entry.model
            )
            self.state.recording.flows.append(flow)
        if len(flow.gradient_rms) < 512:
            flow.gradient_rms.append((self.state.step, rms))

    def _keep_weights(self, tracked: _Tracked, own: list[Tensor]) -> None:
        tracked.before, total = {}, 0
        for parameter in own:
            total += parameter.numel()
            if parameter.ndim >= 2 and total <= _RATIO_VALUES:
                tracked.before[id(parameter)] = parameter.detach().clone()

    def after_step(self, optimizer: Any) -> None:
        """An optimiser has stepped."""
        state, tracked = self.state, self._of(optimizer)
        use = tracked.use
        if use.is_closure and state.looking and use.steps:
            use.windows += 1
            use.uncleared += not tracked.cleared
        use.steps += 1
        state.step += 1
        state.recording.steps += 1
        rate = optimizer.param_groups[0].get("lr")
        rate = float(rate) if rate is not None else math.nan
        if not use.lrs or use.lrs[-1][1] != rate or state.step - use.lrs[-1][0] >= 100:
            use.lrs.append((state.step, rate))
            if len(use.lrs) > _MOST_POINTS:
                del use.lrs[1::2]
        for group in optimizer.param_groups[1:]:  # groups that were added later
            for parameter in group["params"]:
                state.optimised.add(id(parameter))
                state.stepped_once.add(id(parameter))
        if tracked.before:
            self._measure_update(tracked, optimizer)
        tracked.cleared, tracked.backwards = False, 0
        tracked.all_backwards = state.recording.backwards
        self.settle()

    def _measure_update(self, tracked: _Tracked, optimizer: Any) -> None:
        ratios, norm = [], 0.0
        for group in optimizer.param_groups:
            for parameter in group["params"]:
                before = tracked.before.get(id(parameter))
                if before is None or before.shape != parameter.shape:
                    continue
                size = float(before.norm())
                norm += size * size
                if size <= 0:
                    continue
                ratio = float((parameter.detach() - before).norm()) / size
                ratios.append(ratio)
                flow = self._flows.get(id(parameter))
                if flow is not None and len(flow.ratios) < 512:
                    flow.ratios.append((self.state.step, ratio))
        tracked.before = {}
        if ratios:
            tracked.use.ratios.append((self.state.step, sorted(ratios)[len(ratios) // 2]))
            tracked.use.weight_norms.append((self.state.step, math.sqrt(norm)))

    def open_window(self) -> None:
        """The next window is looked at from its beginning."""
        for tracked in self._tracked.values():
            tracked.looked_all = self.state.looking

    def settle(self) -> None:
        """What was not trained on by now was an evaluation; open passes end with the next trained one."""
        state = self.state
        pending, state.pending = state.pending, []
        losses, state.losses = state.losses, []
        for call in losses:
            call.join(False)
        for forward in pending:
            self._forwards.settle(forward)
        state.last_output = None
        self._functions.cuts.forget()

    def busiest(self) -> Any:
        """The optimiser that took most steps, while it lives."""
        tracked = max(self._tracked.values(), key=lambda t: t.use.steps, default=None)
        return tracked.optimizer() if tracked is not None and tracked.use.steps else None

    # ---- the end

    def finish(self) -> None:
        """Last looks at the parameters."""
        state = self.state
        for tracked in self._tracked.values():
            optimizer = tracked.optimizer()
            if optimizer is None:
                continue
            held = [p for group in optimizer.param_groups for p in group["params"]]
            tracked.use.held = len(held)
            tracked.use.unreached = sum(
                id(p) in state.parameter_uses and not state.parameter_uses[id(p)].reached for p in held
            ) + sum(id(p) not in state.parameter_uses and p.grad is None for p in held)
            for parameter in held:
                before = tracked.first.get(id(parameter))
                entry = state.parameter_uses.get(id(parameter))
                if entry is not None and before is not None and tensors.is_plain(parameter):
                    entry.changed = not torch.equal(before, parameter.detach().flatten()[:32])
        for key, entry in state.parameter_uses.items():
            parameter = state.alive(key)
            entry.in_optimizer = key in state.optimised
            if parameter is None or not tensors.is_plain(parameter):
                continue
            if parameter.ndim >= 2 and len(parameter) >= 2:
                entry.rows_alike_at_end = rows_alike(parameter.T if entry.units_last else parameter)
            entry.loaded |= key in state.loaded
        for use in state.recording.models:
            own = [e for e in state.recording.parameters if e.model == use.number]
            use.trained_parameters = sum(math.prod(e.shape) for e in own if e.in_optimizer)
            use.loaded = any(e.loaded for e in own)


def _ends_finite(optimizer: Any) -> bool:
    """Whether the first and the last gradient are finite: what is not, is so on all the way back to the inputs."""
    own = [p.grad for p in optimizer.param_groups[0]["params"] if p.grad is not None and not p.grad.is_sparse]
    return all(math.isfinite(float(gradient.sum())) for gradient in (own[:1] + own[-1:] if len(own) > 1 else own))


def _are_left(parameters: list[Tensor]) -> bool:
    """Whether gradients other than zero are there, for half and more of the largest parameters."""
    some = sorted((p for p in parameters), key=lambda p: -p.numel())[:_PROBED]
    left = 0
    for parameter in some:
        gradient = parameter.grad
        if gradient is not None and bool((gradient._values() if gradient.is_sparse else gradient).any()):
            left += 1
    return bool(some) and left * 2 > len(some)
