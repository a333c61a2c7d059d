"""Watches every training loop of a process, from `start` to `stop`, and fills a Recording.

Nothing of the user's is changed: no generator is drawn from, no mode, gradient or weight is written, no tensor is kept
that would keep a graph alive. What is looked at is thinned by the number of the step, never by the clock, so that two
runs see the same.
"""

from __future__ import annotations

import itertools
import os
import weakref
from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.nn.modules import module as modules
from torch.optim import optimizer as optimizers
from torch.utils.data import DataLoader

from goodfit.recording.activations import ActivationWatch
from goodfit.recording.forwards import ForwardWatch
from goodfit.recording.functions import FunctionMode, FunctionWatch
from goodfit.recording.kept import Kept, KeptWatch
from goodfit.recording.labels import goal_order, label_entropy, label_order
from goodfit.recording.leaks import LeakWatch
from goodfit.recording.loaders import LoaderWatch
from goodfit.recording.losses import LossWatch
from goodfit.recording.optimizing import OptimizerWatch
from goodfit.recording.pairing import PairWatch
from goodfit.recording.patches import Patches
from goodfit.recording.records import Recording
from goodfit.recording.schedules import ScheduleWatch
from goodfit.recording.sites import Sites
from goodfit.recording.state import State, without_functions

_FIRST = 40  # steps that are all looked at
_THIN = 20  # then one window in step/20
_DEEP_FIRST = 16  # of those, the first ones with activations and update ratios, then every other one
_EVALUATED = 24  # forward passes looked at in one evaluation


class Recorder:
    """One watch over this process's training.

    Args:
        sites: tells the user's code from libraries.
        script: what the recording is called.
        most_steps: steps after which `on_enough` is called once; None for no limit.
        on_enough: called within the optimiser's step hook; may raise to end the script.
    """

    def __init__(
        self,
        sites: Sites,
        script: str = "",
        most_steps: int | None = None,
        on_enough: Callable[[], None] | None = None,
    ) -> None:
        self.recording = Recording(script=script)
        self.state = State(self.recording, sites)
        self._forwards = ForwardWatch(self.state)
        self._losses = LossWatch(self.state)
        self._activations = ActivationWatch(self.state)
        self._functions = FunctionWatch(self.state, self._losses, self._activations)
        self._mode = FunctionMode(self._functions, self.state)
        self._optimizers = OptimizerWatch(self.state, self._forwards, self._losses, self._functions)
        self._schedules = ScheduleWatch(self.state)
        self._loaders = LoaderWatch(self.state)
        self._kept = KeptWatch(self.state)
        self._leaks = LeakWatch(self.state)
        self.pairs = PairWatch(self.state)
        self._patches = Patches()
        self._handles: list[Any] = []
        self._hooks: list[Any] = []
        self._pushed = False
        self._looks = 0
        self._next_look = 0
        self._depth = 0
        self._training_depth = 0
        self._last_trigger = -1
        self._wasted = 0
        self._forwards_at_trigger = 0
        self._opaque = False
        self._base = 0
        self._most_steps, self._on_enough = most_steps, on_enough
        self.running = False

    @property
    def kept(self) -> Kept:
        """Batches and weights for experiments."""
        return self._kept.kept

    @property
    def optimizer(self) -> Any:
        """The optimiser that stepped most; None where there is none any more."""
        return self._optimizers.busiest()

    @property
    def loader_watch(self) -> LoaderWatch:
        """The loaders seen."""
        return self._loaders

    # ---- start and stop

    def start(self) -> None:
        """Begin to watch. Nothing happens where it watches already."""
        if self.running:
            return
        self.running = True
        self.state.enabled = True
        self._base = torch._C._len_torch_function_stack()
        wrap = self._patches.wrap
        self._hooks = [
            optimizers.register_optimizer_step_pre_hook(self._before_step),
            optimizers.register_optimizer_step_post_hook(self._after_step),
        ]
        wrap(optimizers.Optimizer, "__init__", self._around_optimizer_init)
        wrap(optimizers.Optimizer, "zero_grad", self._around_clear)
        wrap(nn.Module, "zero_grad", self._around_clear)
        wrap(torch.autograd, "backward", self._around_backward)
        wrap(nn.Module, "train", self._around_train)
        wrap(nn.Module, "load_state_dict", self._around_load)
        wrap(nn.Parameter, "__deepcopy__", self._around_deepcopy)
        wrap(nn.utils, "clip_grad_norm_", self._around_clip)
        wrap(torch.no_grad, "__enter__", self._around_no_grad)
        wrap(torch.inference_mode, "__enter__", self._around_no_grad)
        wrap(DataLoader, "__iter__", self._around_iter)
        wrap(torch, "compile", self._around_compile)
        self._schedules.install(self._patches)
        watched = weakref.ref(self)

        def in_child() -> None:
            recorder = watched()
            if recorder is not None:
                recorder.state.enabled = False
                recorder._look(False)

        os.register_at_fork(after_in_child=in_child)
        self._look(True)

    def know_optimizer(self, optimizer: Any) -> None:
        """Tell of an optimiser that was built before the watch began."""
        self._guarded(lambda: self._optimizers.made(optimizer), "optimizer")

    def stop(self) -> Recording:
        """End watching, settle what is open, and give the recording. A second call gives it again."""
        if not self.running:
            return self.recording
        self.running = False
        self._look(False)
        for hook in self._hooks:
            hook.remove()
        self._patches.undo()
        self.state.busy = True
        try:
            with without_functions(), torch.no_grad():
                self._optimizers.settle()
                self._activations.finish()
                self._optimizers.finish()
                self.recording.labels = label_order(self._losses.labels)
                self.recording.label_entropy = label_entropy(self._losses.labels)
                self.recording.goals = goal_order(self._losses.goals)
                self.recording.hashed_training = self.state.hashed
                self.recording.distinct_training = len(self.state.hashes)
                known, later = self.state.later
                self.recording.coverage = known / later if later else 1.0
                self.recording.epoch_starts = self._epochs()
                self._leaks.finish()
                self.pairs.finish()
        except Exception as error:
            self.state.failed(error, "end")
        self.state.enabled = False
        return self.recording

    def _epochs(self) -> list[int]:
        """The steps at which passes over the training loader began: of the loader with most steps in its passes."""
        gone: dict[int, list[int]] = {}
        starts = [*self._loaders.starts, (self.state.step, None)]
        for (begin, use), (end, _) in itertools.pairwise(starts):
            if use is not None and end > begin:
                gone.setdefault(use.number, []).append(begin)
                use.trained_batches += end - begin
        if not gone:
            return []
        most = max(gone, key=lambda number: self.recording.loaders[number].trained_batches)
        return gone[most]

    # ---- which windows are looked at

    def _look(self, on: bool, *, deep: bool = True) -> None:
        """Turn the costly hooks on or off."""
        state = self.state
        on = on and self.running
        state.looking = on
        state.deep = on and deep
        on = on and not self._opaque  # steps and backward passes are looked at even then
        if on and not self._handles:
            self._handles = [
                modules.register_module_forward_pre_hook(self._forwards.before),
                modules.register_module_forward_hook(self._forwards.after, with_kwargs=True, always_call=True),
            ]
        elif not on and self._handles:
            for handle in self._handles:
                handle.remove()
                # torch 2.13 forgets this entry, and takes it for a hook that is still there
                modules._global_forward_hooks_with_kwargs.pop(handle.id, None)
            self._handles = []
            state.stack.clear()
            state.forward = None
        if on and not self._pushed:
            if torch._C._len_torch_function_stack() <= self._base:
                self._mode.__enter__()
                self._pushed = True
        elif not on and self._pushed:
            self._pop()

    def _pop(self) -> None:
        depth = torch._C._len_torch_function_stack()
        # a mode of the user's own may lie upon ours: then ours stays and only hands on
        if depth and torch._C._get_function_stack_at(depth - 1) is self._mode:
            self._mode.__exit__(None, None, None)
            self._pushed = False

    def _next_window(self) -> None:
        step = self.state.step
        look = step < _FIRST or step >= self._next_look
        if look:
            self._looks += 1
            if step >= _FIRST:
                self._next_look = step + max(3, step // _THIN)
        self._look(look, deep=self._looks < _DEEP_FIRST or self._looks % 2 == 0)
        self._optimizers.open_window()

    def _trigger(self) -> None:
        """Something that evaluations do: look, unless such calls come to nothing or come too often."""
        state = self.state
        if state.looking or state.in_step or not state.here():
            return
        if self._wasted > 4 or state.step - self._last_trigger < max(1, state.step // 100):
            return
        self._last_trigger = state.step
        self._forwards_at_trigger = len(state.recording.evaluations)
        self._wasted += 1  # until an evaluation comes of it
        self._look(True, deep=False)

    def _settled(self) -> None:
        if self._wasted and len(self.state.recording.evaluations) > self._forwards_at_trigger:
            self._wasted = 0
        for current in self.state.passes.values():
            if current.forwards > _EVALUATED:
                break
        self.state.passes.clear()

    # ---- hooks

    def _before_step(self, optimizer: Any, args: Any, kwargs: Any) -> None:
        self._depth += 1
        state = self.state
        if self._depth > 1 or not state.here():
            return
        self._guarded(
            lambda: self._optimizers.before_step(
                optimizer, args[1:] if args and args[0] is optimizer else args, kwargs
            ),
            "step",
        )
        state.in_step = True
        if self._pushed and not (args[1:] if args and args[0] is optimizer else args) and not kwargs.get("closure"):
            self._pop()  # an optimiser makes hundreds of small calls that are of no interest

    def _after_step(self, optimizer: Any, args: Any, kwargs: Any) -> None:
        self._depth -= 1
        state = self.state
        if self._depth > 0 or not state.here():
            return
        state.in_step = False

        def after() -> None:
            self._optimizers.after_step(optimizer)
            self._settled()

        self._guarded(after, "step")
        self._next_window()
        if self._most_steps is not None and state.step >= self._most_steps and self._on_enough is not None:
            self._on_enough()

    def _guarded(self, work: Callable[[], None], what: str) -> None:
        state = self.state
        state.busy = True
        try:
            with without_functions(), torch.no_grad():
                work()
        except Exception as error:
            state.failed(error, what)
        finally:
            state.busy = False

    def _around_optimizer_init(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(optimizer: Any, *args: Any, **kwargs: Any) -> None:
            original(optimizer, *args, **kwargs)
            if self.state.here() and not self._depth:
                self._guarded(lambda: self._optimizers.made(optimizer), "optimizer")

        return wrapped

    def _around_backward(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(tensors: Any, *args: Any, **kwargs: Any) -> Any:
            if self.state.here():
                steps = self.state.step
                self._guarded(lambda: self._optimizers.backward(tensors), "backward")
                if self.state.step != steps:  # a loop without an optimiser
                    self._settled()
                    self._next_window()
            try:
                answer = original(tensors, *args, **kwargs)
                if self.state.here():
                    self._guarded(self._optimizers.after_backward, "backward")
                return answer
            except RuntimeError as error:
                if "does not require grad" in str(error):
                    self.recording.broken_graph = str(error)
                    self.recording.backward_site = self.state.sites.here()
                raise

        return wrapped

    def _around_clear(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(owner: Any, *args: Any, **kwargs: Any) -> Any:
            self._optimizers.cleared_last = True
            return original(owner, *args, **kwargs)

        return wrapped

    def _around_train(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(module: nn.Module, mode: bool = True) -> Any:
            outer = not self._training_depth and self.state.here()
            self._training_depth += 1
            try:
                return original(module, mode)
            finally:
                self._training_depth -= 1
                if outer and mode is False:
                    self._trigger()
                    self._note_eval(module)

        return wrapped

    def _note_eval(self, module: nn.Module) -> None:
        site = self.state.sites.here()
        if site is not None:
            for child in module.modules():
                self.state.eval_calls[id(child)] = site
            if len(self.state.eval_calls) > 10_000:
                self.state.eval_calls.clear()

    def _around_load(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(module: nn.Module, *args: Any, **kwargs: Any) -> Any:
            result = original(module, *args, **kwargs)
            if self.state.here():
                self.state.loaded.update(id(parameter) for parameter in module.parameters())
            return result

        return wrapped

    def _around_deepcopy(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(parameter: nn.Parameter, memo: Any) -> Any:
            result = original(parameter, memo)
            if self.state.here() and (id(parameter) in self.state.stepped_once or id(parameter) in self.state.loaded):
                self.state.loaded.add(id(result))
            return result

        return wrapped

    def _around_no_grad(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(context: Any) -> Any:
            if not self.state.looking and self._wasted <= 4:
                self._trigger()
            return original(context)

        return wrapped

    def _around_clip(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(parameters: Any, max_norm: float, *args: Any, **kwargs: Any) -> Any:
            if self.state.here():
                self.recording.clip_norm = float(max_norm)
            return original(parameters, max_norm, *args, **kwargs)

        return wrapped

    def _around_iter(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(loader: DataLoader[Any]) -> Any:
            if self.state.here():
                self._guarded(lambda: self._loaders.iterated(loader), "loader")
            return original(loader)

        return wrapped

    def _around_compile(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            if self.state.here():
                # the compiler would trace our hooks into the program
                self.recording.opaque.append("a part compiled by torch.compile")
                self._opaque = True
                self._look(self.state.looking)
            return original(*args, **kwargs)

        return wrapped
