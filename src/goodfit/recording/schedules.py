"""Learning-rate schedulers: how often they are stepped, and what the rate becomes."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

from torch.optim import lr_scheduler

from goodfit.recording.patches import Patches
from goodfit.recording.records import SchedulerUse
from goodfit.recording.state import State

_MOST_POINTS = 2048


class ScheduleWatch:
    """Wraps the construction and the step of every scheduler class of torch."""

    def __init__(self, state: State) -> None:
        self.state = state
        self._uses: dict[int, tuple[Any, SchedulerUse]] = {}
        self._inside = 0

    def install(self, patches: Patches) -> None:
        """Wrap the classes."""
        base = lr_scheduler.LRScheduler
        patches.wrap(base, "__init__", self._around_init)
        for value in list(vars(lr_scheduler).values()):
            if isinstance(value, type) and issubclass(value, base):
                if "step" in value.__dict__:
                    patches.wrap(value, "step", self._around_step)
                if "__init__" in value.__dict__ and value is not base:
                    patches.wrap(value, "__init__", self._around_init)

    def _around_init(self, original: Callable[..., None]) -> Callable[..., None]:
        def wrapped(scheduler: Any, *args: Any, **kwargs: Any) -> None:
            self._inside += 1
            try:
                original(scheduler, *args, **kwargs)
            finally:
                self._inside -= 1
            if not self._inside and self.state.here():
                self._of(scheduler)

        return wrapped

    def _around_step(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(scheduler: Any, *args: Any, **kwargs: Any) -> Any:
            self._inside += 1
            try:
                return original(scheduler, *args, **kwargs)
            finally:
                self._inside -= 1
                if not self._inside and self.state.here():
                    self._stepped(scheduler)

        return wrapped

    def _of(self, scheduler: Any) -> SchedulerUse:
        known = self._uses.get(id(scheduler))
        if known is not None and known[0]() is scheduler:
            return known[1]
        total = None
        for name in ("total_steps", "T_max", "total_iters"):
            value = getattr(scheduler, name, None)
            if isinstance(value, (int, float)):
                total = int(value)
                break
        use = SchedulerUse(
            name=type(scheduler).__name__,
            site=self.state.sites.here(),
            total=total,
        )
        self._uses[id(scheduler)] = (weakref.ref(scheduler), use)
        self.state.recording.schedulers.append(use)
        return use

    def _stepped(self, scheduler: Any) -> None:
        use, step = self._of(scheduler), self.state.step
        use.calls += 1
        if use.call_site is None:
            use.call_site = self.state.sites.here()
        groups = getattr(getattr(scheduler, "optimizer", None), "param_groups", None)
        if groups:
            rate = float(groups[0]["lr"])
            use.lrs.append((step, rate))
            if len(use.lrs) > _MOST_POINTS:
                del use.lrs[1::2]
