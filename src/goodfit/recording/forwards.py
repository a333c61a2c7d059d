"""Forward passes of networks: their mode, their inputs, and the layers that ran."""

from __future__ import annotations

import inspect
import math
import weakref
from types import FrameType
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules import batchnorm, dropout
from torch.nn.modules import loss as loss_modules

from goodfit.recording import tensors
from goodfit.recording.records import EvaluationPart, EvaluationPass, ModelUse, ParameterUse, Spread
from goodfit.recording.sites import names_held_out, names_training
from goodfit.recording.state import Forward, State, without_functions

MODAL = (dropout._DropoutNd, batchnorm._BatchNorm)
_NORMALISING = (batchnorm._NormBase, nn.LayerNorm, nn.GroupNorm, nn.Embedding, nn.EmbeddingBag)
_DEFAULT = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)
_MOST_MODELS = 200
_LATER = 41  # the steps before are all looked at
_MOST_OUTPUTS = 8  # of one pass that are known again
_MOST_PASSES = 2_000
_MOST_PENDING = 64  # passes of which it is not known yet whether they are trained on
_MOST_PARTS = 256  # forward passes of one evaluation that are told apart


class ForwardWatch:
    """Global module hooks, and what becomes of a forward pass once it is known whether it was trained on."""

    def __init__(self, state: State) -> None:
        self.state = state
        self._recent: list[int] = []  # fingerprints of the last inputs that were evaluated

    # ---- hooks

    def before(self, module: nn.Module, args: tuple[Any, ...]) -> None:
        state = self.state
        if not state.looking or not state.here() or (state.in_step and not torch.is_grad_enabled()):
            return
        state.stack.append(module)
        try:
            if len(state.stack) == 1 and not _is_loss(module):
                state.busy = True
                with without_functions():
                    self._begin(module)
            forward = state.forward
            if forward is not None:
                if isinstance(module, MODAL) and not _is_inert(module):
                    forward.layers += 1
                    forward.layers_in_train += module.training
                if module._parameters:
                    forward.ran.append((module, torch.is_grad_enabled()))
        except Exception as error:  # a fault of the watch is noted, and never the script's
            state.failed(error, "forward")
        finally:
            state.busy = False

    def after(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> None:
        state = self.state
        if not state.stack or not state.here():
            return
        if module not in state.stack[-1:]:
            if module in state.stack:
                del state.stack[state.stack.index(module) :]
            return
        state.stack.pop()
        if state.stack or state.forward is None:
            return
        forward, state.forward = state.forward, None
        state.busy = True
        try:
            with without_functions(), torch.no_grad():
                self._end(forward, args, kwargs, output)
        except Exception as error:  # as above
            state.failed(error, "forward")
        finally:
            state.busy = False

    # ---- one pass

    def _begin(self, module: nn.Module) -> None:
        state = self.state
        use = self.use_of(module)
        frame = state.sites.frame()
        state.forward = Forward(
            use=use,
            module=module,
            site=None if frame is None else state.sites.of(frame),
            frame_names=() if frame is None else _names(frame),
            gradients_on=torch.is_grad_enabled(),
            root_training=module.training,
            step=state.step,
        )

    def _end(self, forward: Forward, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> None:
        state = self.state
        outputs = list(tensors.tensors_in(output))
        if not outputs:
            return
        forward.numbers = tuple(o.grad_fn._sequence_nr() for o in outputs if o.grad_fn is not None)
        forward.output = weakref.ref(outputs[0])
        forward.outputs = tuple(weakref.ref(o) for o in outputs[:_MOST_OUTPUTS])
        given = [t for t in tensors.tensors_in((args, kwargs)) if tensors.is_plain(t)]
        inputs = next((t for t in given if t.ndim and not t.requires_grad and t.numel()), None)
        forward.given = given
        fed_by_network = state.last_output is not None and any(t is state.last_output() for t in given)
        if inputs is not None and not fed_by_network:
            self._look_at_inputs(forward, inputs)
        elif inputs is not None:
            forward.samples = len(inputs)
        if fed_by_network:
            forward.source = state.last_use
        if forward.gradients_on and forward.numbers:
            forward.args, forward.kwargs = args, kwargs
        state.last_output, state.last_use = weakref.ref(outputs[0]), forward.use
        state.pending.append(forward)
        if len(state.pending) > _MOST_PENDING:
            oldest = state.pending.pop(0)
            if not oldest.numbers:  # one that has a graph may yet be trained on: an episode's, a sequence's
                self.settle(oldest)

    def _look_at_inputs(self, forward: Forward, inputs: Tensor) -> None:
        forward.samples = len(inputs)
        use = forward.use
        if not inputs.is_floating_point():
            use.input_is_integer = True
            use.input_shape = tuple(inputs.shape)
        else:
            if not use.input_shape:
                use.input_shape = tuple(inputs.shape)
            forward.inputs = inputs
            if inputs.ndim >= 2:
                forward.features = tensors.feature_figures(inputs)
        if inputs.ndim >= 2 and not inputs.is_complex():
            forward.hashes = tensors.sample_hashes(inputs)
        fingerprint = hash(tuple(forward.hashes[:8])) if forward.hashes else hash((inputs.shape, inputs.data_ptr()))
        if not forward.gradients_on:
            forward.repeated = fingerprint in self._recent
            self._recent = [*self._recent[-3:], fingerprint]

    # ---- the end of waiting

    def train(self, forward: Forward) -> None:
        """A pass turned out to be trained on."""
        if forward.trained:
            return
        forward.trained = True
        self._recent = []
        state, use = self.state, forward.use
        modes = use.training
        modes.passes += 1
        if forward.source is not None:
            forward.source.feeds += 1
        if use.training_site is None:
            use.training_site = forward.site
        if forward.layers:
            modes.layers = max(modes.layers, forward.layers)
            if forward.layers_in_train == 0 and not forward.root_training:
                modes.wrong_layers += 1
                if use.first_wrong_step is None:
                    use.first_wrong_step = state.step
                    use.wrong_mode_site = forward.site
                    use.eval_called_at = state.eval_calls.get(id(forward.module))
            elif forward.layers_in_train < forward.layers:
                modes.mixed += 1
        use.was_in_train_mode |= forward.root_training
        if forward.inputs is not None:
            values = tensors.few(forward.inputs[: tensors.MOST_ROWS])
            if not use.input_not_finite and not bool(torch.isfinite(values).all()):
                use.input_not_finite = True
            tensors.add_spread(use.input_train, values)
        if forward.features is not None:
            _blend(use, forward.features)
        if forward.ran and modes.passes == 1:
            use.starts_normalising = isinstance(forward.ran[0][0], _NORMALISING)
        for module, with_gradients in forward.ran:
            for name, parameter in module._parameters.items():
                if parameter is not None:
                    entry = self.parameter(parameter, name, module, forward)
                    entry.ran += 1
                    entry.ran_without_gradient += not with_gradients
                    entry.requires_grad = parameter.requires_grad
                    entry.mode_eval = not forward.root_training
        if forward.hashes and len(state.hashes) < 200_000:
            new = set(forward.hashes)
            if state.step >= _LATER:
                state.later[0] += len(new & state.hashes)
                state.later[1] += len(new)
            state.hashes.update(new)
            state.learned.setdefault(self._line(forward), set()).update(new)
            state.hashed += len(forward.hashes)

    def settle(self, forward: Forward) -> None:
        """A pass was not trained on: an evaluation, if the network is one that is trained."""
        state = self.state
        if forward.trained:
            return
        key = forward.use.number
        current = state.passes.get(key)
        if current is None:
            if len(state.recording.evaluations) >= _MOST_PASSES:
                return
            current = EvaluationPass(step=forward.step, model=key, site=forward.site)
            state.passes[key] = current
            state.recording.evaluations.append(current)
        current.forwards += 1
        current.samples += forward.samples
        current.root_in_train += forward.root_training
        current.layers += forward.layers
        current.layers_in_train += forward.layers_in_train
        current.functional_dropout += forward.functional_dropout
        current.gradients_on += forward.gradients_on
        current.repeated_inputs += forward.repeated
        current.scored += forward.scored
        current.losses.extend(forward.losses)
        current.right += forward.right
        current.compared += forward.compared
        current.answers += max(forward.answers, forward.samples)
        texts = (
            *forward.frame_names,
            forward.site.code if forward.site else "",
            forward.site.function if forward.site else "",
        )
        held_out = names_held_out(*texts)
        current.names_held_out |= held_out
        current.names_training |= names_training(*texts)
        if forward.hashes:
            learned = state.learned.get(self._line(forward), set())
            known = sum(number in learned for number in forward.hashes)
            if len(current.parts) < _MOST_PARTS:
                judged = bool(forward.compared or forward.losses)
                current.parts.append(EvaluationPart(known, len(forward.hashes), judged))
            current.known_samples += known
            current.hashed_samples += len(forward.hashes)
            current.distinct_samples += len(set(forward.hashes))
            current.training_inputs += known == len(forward.hashes)
        is_judged = bool(forward.scored) or held_out
        if forward.features is not None and is_judged >= current.features_are_judged:
            _blend_pass(current, forward.features, forward.samples, is_judged=is_judged)
            if forward.inputs is not None:
                values = tensors.few(forward.inputs[: tensors.MOST_ROWS])
                tensors.add_spread(current.inputs, values)
        for module, _ in forward.ran:
            for name, parameter in module._parameters.items():
                if parameter is not None:
                    self.parameter(parameter, name, module, forward).orphaned += 1
        for listener in state.on_evaluated:
            listener(forward)
        forward.inputs = forward.args = forward.kwargs = forward.given = forward.labels = None

    # ---- records

    def use_of(self, module: nn.Module) -> ModelUse:
        """The record of a network; made when it is first seen."""
        state = self.state
        known = state.models.get(id(module))
        if known is not None and known[0]() is module:
            return known[1]
        use = ModelUse(name=type(module).__name__, number=len(state.recording.models))
        if len(state.models) < _MOST_MODELS:
            state.models[id(module)] = (weakref.ref(module), use)
            state.recording.models.append(use)
        owned: set[int] = set()
        scripted = "a part compiled by torch.jit"
        for name, child in module.named_modules():
            if isinstance(child, torch.jit.ScriptModule) and scripted not in state.recording.opaque:
                state.recording.opaque.append(scripted)
            use.has_batch_norm |= isinstance(child, batchnorm._BatchNorm)
            use.has_dropout |= isinstance(child, dropout._DropoutNd)
            if isinstance(child, dropout._DropoutNd):
                use.dropout = max(use.dropout, float(child.p))
            for own, parameter in child._parameters.items():
                if parameter is not None:
                    use.is_tied |= id(parameter) in owned
                    owned.add(id(parameter))
                    use.parameters += parameter.numel()
                    self._enter(parameter, f"{name}.{own}" if name else own, child, use.number)
        return use

    def _line(self, forward: Forward) -> int:
        """The network that a pass belongs to: a part of one, run by itself, has the whole one's number."""
        first = next(forward.module.parameters(), None)
        entry = None if first is None else self.state.parameter_uses.get(id(first))
        return forward.use.number if entry is None or entry.model is None else entry.model

    def parameter(self, parameter: Tensor, name: str, module: nn.Module, forward: Forward) -> ParameterUse:
        """The record of a parameter whose module ran; one that its network does not list is told unregistered."""
        entry = self.state.parameter_uses.get(id(parameter))
        if entry is not None and self.state.alive(id(parameter)) is parameter:
            return entry
        entry = self._enter(parameter, f"{type(module).__name__}.{name}", module, forward.use.number)
        entry.registered = any(parameter is own for own in forward.module.parameters())
        return entry

    def _enter(self, parameter: Tensor, name: str, module: nn.Module, model: int | None) -> ParameterUse:
        state = self.state
        key = id(parameter)
        known = state.parameter_uses.get(key)
        if known is not None and state.alive(key) is parameter:
            return known
        entry = ParameterUse(
            name=name,
            model=model,
            layer=type(module).__name__,
            shape=tuple(parameter.shape),
            requires_grad=parameter.requires_grad,
            loaded=key in state.loaded,
            stepped_before=key in state.stepped_once,
        )
        if isinstance(module, _DEFAULT) and parameter.ndim >= 2 and parameter.numel() >= 16:
            entry.default_start = _looks_drawn(parameter)
        if parameter.ndim >= 2 and len(parameter) >= 3 and tensors.is_plain(parameter):
            entry.rows_alike = rows_alike(parameter)
        if tensors.is_plain(parameter):
            entry.gain = gain_of(parameter)
        state.parameter_uses[key] = entry
        state.parameters[key] = weakref.ref(parameter)
        state.recording.parameters.append(entry)
        return entry


def _is_loss(module: nn.Module) -> bool:
    return isinstance(module, loss_modules._Loss) or (
        type(module).__name__.lower().endswith(("loss", "criterion")) and next(module.parameters(), None) is None
    )


def _is_inert(module: nn.Module) -> bool:
    """Dropout of probability 0 and BatchNorm without running statistics are the same in both modes."""
    if isinstance(module, dropout._DropoutNd):
        return module.p == 0
    return isinstance(module, batchnorm._BatchNorm) and not module.track_running_stats


def _names(frame: FrameType) -> tuple[str, ...]:
    """The functions that lead here, and the lines that called them: what the code calls its data."""
    told = [frame.f_code.co_name]
    outer: FrameType | None = frame.f_back
    for _ in range(2):
        if outer is None or outer.f_code.co_filename != frame.f_code.co_filename:
            break
        told.append(outer.f_code.co_name)
        try:
            lines = inspect.getframeinfo(outer, context=1).code_context
            told += lines or []
        except (OSError, IndexError):
            pass
        outer = outer.f_back
    return tuple(told)


def _looks_drawn(weight: Tensor) -> bool:
    """Whether a weight looks uniform in +-1/sqrt(fan_in): what linear and convolution layers start from."""
    fan_in = weight[0].numel()
    bound = 1 / math.sqrt(fan_in)
    values = weight.detach().float()
    expected = bound / math.sqrt(3)
    slack = 0.1 + 2 / math.sqrt(values.numel())
    return float(values.abs().max()) <= bound * 1.001 and abs(float(values.std()) / expected - 1) < slack


def gain_of(weight: Tensor, *, units_last: bool = False) -> float | None:
    """The root mean square of a weight times the root of its fan-in: 0.6 to 1.7 at usual starts. None: no weight."""
    if weight.ndim < 2 or not weight.numel() or not weight.is_floating_point():
        return None
    fan_in = weight.shape[0] if units_last else weight[0].numel()
    return float(weight.detach().double().square().mean().sqrt()) * math.sqrt(fan_in)


def rows_alike(weight: Tensor) -> bool:
    """Whether all units of a layer have the same weights."""
    rows = weight.detach().flatten(1)
    return bool((rows == rows[:1]).all())


def _blend(use: ModelUse, features: tuple[list[float], list[float]]) -> None:
    """Running figures by feature over the first training batches."""
    if use.training.passes <= 200:
        use.feature_means, use.feature_stds = _joined(
            use.feature_means, use.feature_stds, features, 1 / max(use.training.passes, 1)
        )


def _blend_pass(
    current: EvaluationPass, features: tuple[list[float], list[float]], samples: int, *, is_judged: bool
) -> None:
    """Figures by feature, each sample counting alike; once a pass was judged, those that were not count no more."""
    if is_judged and not current.features_are_judged:
        current.features_are_judged, current.feature_samples = True, 0
        current.feature_means, current.feature_stds, current.inputs = [], [], Spread()
    current.feature_samples += samples
    current.feature_means, current.feature_stds = _joined(
        current.feature_means, current.feature_stds, features, samples / max(current.feature_samples, 1)
    )


def _joined(
    means: list[float], stds: list[float], features: tuple[list[float], list[float]], share: float
) -> tuple[list[float], list[float]]:
    """Means and deviations with a batch joined in; what lies between the batches counts as spread, too."""
    if len(means) != len(features[0]):
        return list(features[0]), list(features[1])
    joined = [a + share * (b - a) for a, b in zip(means, features[0], strict=True)]
    squares = [
        (1 - share) * (s * s + m * m) + share * (t * t + n * n)
        for m, s, n, t in zip(means, stds, *features, strict=True)
    ]
    return joined, [math.sqrt(max(q - m * m, 0.0)) for q, m in zip(squares, joined, strict=True)]
