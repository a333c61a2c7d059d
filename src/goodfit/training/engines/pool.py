"""Plain PyTorch, one trial after another in the calling process: runs everything, and is what the others must equal.

Execution gives each trial a process of its own.
"""

from __future__ import annotations

import copy
import functools
import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from goodfit.training.averaging import decay_at
from goodfit.training.batches import Feed
from goodfit.training.counter import keys
from goodfit.training.course import batch_size_of, course_of
from goodfit.training.curve import Curve
from goodfit.training.divergence import not_finite_reason
from goodfit.training.dropout import begin_step, counter_dropouts
from goodfit.training.engine import Control, Emit
from goodfit.training.engines.ahead import Ahead
from goodfit.training.engines.looking import evaluated, probe_batch
from goodfit.training.engines.pace import DEVICE_INTERVAL, KEY_STEPS, SEND_STEPS
from goodfit.training.engines.quicker import quick_loss, quickened
from goodfit.training.engines.start import dropout_rates, limit_of, start_model
from goodfit.training.engines.update import clip_gradients, total_norm, update_for
from goodfit.training.faults import check_depends_on_weights, check_scalar, telling
from goodfit.training.fitted import fitted_reason, goal_loss
from goodfit.training.losses import LossWatch
from goodfit.training.probing import probe
from goodfit.training.problem import Batch, Problem
from goodfit.training.regularisers import TrainingLoss, check_label_smoothing, own_smoothing
from goodfit.training.seeds import STEP, mixed
from goodfit.training.splits import seed_globals, seeded
from goodfit.training.states import averaged_tensors, load_into, load_optimizer, state_buffers, state_from
from goodfit.training.trial import ASKED_TO_LEAVE, Regime, Status, Trial, TrialState


class Pool:
    """The engine for every model."""

    name = "pool"

    def refuses(self, problem: Problem, trials: Sequence[Trial], regime: Regime) -> str | None:
        """None: plain PyTorch runs what PyTorch runs."""
        return None

    def advance(
        self,
        problem: Problem,
        trials: Sequence[Trial],
        states: Sequence[TrialState | None],
        regime: Regime,
        to_step: int,
        emit: Emit,
        control: Control,
    ) -> list[TrialState]:
        """See `engine.Engine.advance`.

        Raises:
            TaskError, TrainingError: the user's model, loss or data cannot be trained.
        """
        results: list[TrialState | None] = list(states)
        ended: list[TrialState] = []
        for place, trial in enumerate(trials):

            def checkpoint(state: TrialState, place: int = place) -> None:
                control.checkpoint([*results[:place], state, *results[place + 1 :]])

            with seeded(trial.seed):
                training = PlainTraining(problem, trial, states[place], regime, emit, to_step)
                ended.append(training.run(control, checkpoint))
            results[place] = ended[-1]
        return ended


class PlainTraining:
    """One trial on its way."""

    def __init__(
        self, problem: Problem, trial: Trial, state: TrialState | None, regime: Regime, emit: Emit, to_step: int
    ) -> None:
        self.problem, self.trial, self.regime = problem, trial, regime
        self.course = course_of(trial, regime)
        self.feed = Feed(problem, regime, batch_size_of(trial, problem, regime))
        self.step, self.to_step = (0 if state is None else state.step), to_step
        self.is_fresh = state is None
        self.watch = LossWatch(regime.explosion_window, state)
        self.curve = Curve(trial.number, emit)
        self.ahead = Ahead(self.feed, trial.seed)
        model = start_model(problem, trial, self.step, regime)
        self.model = quickened(model, problem, self.feed, to_step - self.step)
        self.loss = TrainingLoss(self.model, problem.loss)
        self.quick_loss = quick_loss(problem.loss)
        self.dropouts = list(counter_dropouts(self.model).values())
        self.parameters = [p for p in self.model.parameters() if p.requires_grad]
        if state is not None:
            load_into(self.model, state)
        self.shadow: nn.Module | None = None
        self._enter_segment(state)
        self._losses: list[tuple[int, Tensor | float]] = []
        self._interval = 1 if problem.device.type == "cpu" else DEVICE_INTERVAL

    def run(self, control: Control, checkpoint: Callable[[TrialState], None]) -> TrialState:
        """Train to `to_step` or to an earlier end; emits the end."""
        self.model.train()
        if self.is_fresh and 0 in self.regime.eval_steps:
            self._look()
        end: tuple[Status, int, str] | None = None
        while end is None and self.step < self.to_step:
            if control.is_stopped(self.trial.number):
                end = Status.STOPPED, self.step, ASKED_TO_LEAVE
            elif control.should_stop():
                end = Status.INTERRUPTED, self.step, ""
            else:
                end = self._one_step(last=self.step + 1 >= self.to_step)
                if end is None and self.step % self.feed.steps_per_epoch == 0:
                    end = self._at_end_of_pass()
                    if end is None and control.wants_checkpoint():
                        end = self._judge(None)
                        self.curve.send()  # who goes on from a checkpoint begins after its step
                        if end is None:
                            checkpoint(self.state())
        if end is None or end[0] is Status.INTERRUPTED:
            end = self._judge(None) or end
        status, step, reason = end or self._weights_end() or (Status.DONE, self.step, "")
        self.curve.end(status, step, reason)
        return self.state()

    def state(self) -> TrialState:
        average = averaged_tensors(self.shadow) if self.shadow is not None else {}
        return state_from(self.model, self.optimizer, average, self.step, self.watch)

    def _one_step(self, last: bool) -> tuple[Status, int, str] | None:
        step = self.step
        if step in self.course.starts and step > self.in_force.start:
            self._enter_segment(self.state())
        try:
            batch = self.ahead.batch(step)
            seed_globals(mixed(self.trial.seed, STEP, step), self.problem.device)
            self._set_keys(step)
            loss = self.loss(batch) if self.loss.smoothed else self.quick_loss(self.model, batch)
            if not isinstance(loss, Tensor) or loss.ndim or not loss.requires_grad:
                check_scalar(loss, self._doing)
                check_depends_on_weights(loss, self._doing)
        except Exception:
            with telling(self._doing):
                raise
        self._losses.append((step, loss.detach()))
        if len(self._losses) >= self._interval or last:
            ended = self._judge(batch)
            if ended is not None:
                return ended
        begin_step(self.dropouts)  # a checkpointed forward pass runs again inside backward, with the same masks
        try:
            for parameter in self.parameters:  # what zero_grad does, less its hooks and its profiler's record
                parameter.grad = None
            loss.backward()
        except Exception:
            with telling(self._doing):
                raise
        self._update(step)
        self.step += 1
        if self.step in self.regime.eval_steps:
            self._look()
        elif self.step % SEND_STEPS == 0:
            self.curve.offer()
        return None

    @property
    def _doing(self) -> str:
        return f"training trial {self.trial.number}, step {self.step}"

    def _update(self, step: int) -> None:
        every = self.regime.probe_every
        is_probed = every > 0 and step % every == 0
        rate = self.in_force.lr(step)
        before: dict[str, Tensor] = {}
        if is_probed:
            gradients = [p.grad for p in self.parameters if p.grad is not None]
            self.curve.add("lr", step, rate)
            self.curve.add("grad_norm", step, float(total_norm(gradients)))
            before = {name: weight.detach().clone() for name, weight in self._probed.items()}
        if math.isfinite(self.in_force.grad_clip):
            clip_gradients(self.parameters, self.in_force.grad_clip)
        self.optimizer.step(rate)
        if before:
            self._add_ratios(step, before)
        if self.shadow is not None and self.in_force.ema_decay is not None:
            self._update_average(1.0 - decay_at(self.in_force.ema_decay, step))

    @functools.cached_property
    def _probed(self) -> dict[str, nn.Parameter]:
        """The weights whose update ratios are told, by name."""
        return {name: p for name, p in self.model.named_parameters() if p.ndim >= 2 and p.requires_grad}

    @torch.no_grad()
    def _add_ratios(self, step: int, before: dict[str, Tensor]) -> None:
        olds = list(before.values())
        sizes = torch.stack(torch._foreach_norm(olds)).tolist()
        moves = torch.stack(torch._foreach_norm(torch._foreach_sub(list(self._probed.values()), olds))).tolist()
        for name, move, size in zip(before, moves, sizes, strict=True):
            if size > 0:
                self.curve.add(f"update_ratio/{name}", step, move / size)

    @torch.no_grad()
    def _update_average(self, share: float) -> None:
        assert self.shadow is not None
        torch._foreach_lerp_(self._averages, self._averaged, share)
        # Buffers are looked up anew: a model may put other ones in their place.
        for (_, kept), (_, new) in zip(state_buffers(self.shadow), state_buffers(self.model), strict=True):
            if kept.is_floating_point():
                kept.lerp_(new, share)
            else:
                kept.copy_(new)

    def _judge(self, batch: Batch | None) -> tuple[Status, int, str] | None:
        """Look at the losses since the last look; ends the trial at the first bad one."""
        pending, self._losses = self._losses, []
        for step, tensor in pending:
            value = float(tensor)
            self.curve.add("step_loss", step, value)
            self.watch.add(value)
            if not math.isfinite(value):
                at_hand = batch if step == self.step else None
                begin_step(self.dropouts)
                return (
                    Status.DIVERGED,
                    *not_finite_reason(self.model, lambda _, b: self.loss(b), at_hand, value, step),
                )
            if value > self._limit and self.watch.has_exploded(self._limit):
                return Status.DIVERGED, step, self.watch.exploded_reason(self._limit, step)
        return None

    def _weights_end(self) -> tuple[Status, int, str] | None:
        """Whether the last update left weights that are not finite."""
        if all(bool(torch.isfinite(p).all()) for p in self.parameters):
            return None
        return Status.DIVERGED, *not_finite_reason(self.model, self.problem.loss, None, 0.0, self.step)

    def _at_end_of_pass(self) -> tuple[Status, int, str] | None:
        mean, first = self.watch.end_pass(), self.watch.first
        if self.regime.fitted_fraction is None or first is None or mean is None:
            return None
        goal = goal_loss(first, self.regime.fitted_fraction, self.regime.fitted_floor)
        if not mean <= goal:
            return None
        pieces = self.feed.samples.split(self.feed.batch_size)
        batches = (self.feed.fetch(piece) for piece in pieces)
        reason = fitted_reason(self.model, self.problem.loss, batches, goal, first)
        return (Status.STOPPED, self.step, reason) if reason else None

    def _look(self) -> None:
        """Evaluate and probe as the regime asks after this many steps, and send the points."""
        with telling(f"evaluating trial {self.trial.number} after step {self.step}"):
            for suffix, model in (("", self.model), (".averaged", self.shadow)):
                if model is not None:
                    self.curve.add_all(self.step, evaluated(model, self.problem, self.feed, suffix))
            self.curve.add("lr", self.step, self.in_force.lr(self.step))
            self.curve.offer()
            if self.regime.probe:
                batch = probe_batch(self.feed)
                self.curve.tell(probe(self.model, self.problem.loss, batch, self.trial.number, self.step))

    def _set_keys(self, step: int) -> None:
        if not self.dropouts:
            return
        block, place = divmod(step, KEY_STEPS)
        table = self._keys_of(block)
        for layer, dropout in enumerate(self.dropouts):
            dropout.key = table[place, layer]
        begin_step(self.dropouts)

    @functools.lru_cache(maxsize=2)  # noqa: B019  a training is short-lived, and holds the table anyway
    def _keys_of(self, block: int) -> Tensor:
        steps = range(block * KEY_STEPS, (block + 1) * KEY_STEPS)
        return torch.from_numpy(keys([self.trial.seed], steps, len(self.dropouts))[:, 0]).to(self.problem.device)

    def _enter_segment(self, state: TrialState | None) -> None:
        """Take over the hyperparameters in force at this step; the optimiser's slots go on."""
        self.in_force = self.course.at(self.step)
        check_label_smoothing(self.problem.loss, self.in_force.hyperparameters)
        if self.step > 0 and self.step == self.in_force.start:
            rates = dropout_rates(start_model(self.problem, self.trial, self.step, self.regime))
            for dropout, rate in zip(self.dropouts, rates, strict=True):
                dropout.set_rate(rate)
        own = own_smoothing(self.problem.loss)
        smoothing = own if self.in_force.label_smoothing is None else self.in_force.label_smoothing
        self.loss.smoothed = smoothing != own
        self.loss.smoothing.fill_(smoothing)
        self.loss.smoothing = self.loss.smoothing.to(self.problem.device)
        self.optimizer = update_for(self.in_force.choice, self.parameters)
        if state is not None:
            load_optimizer(self.optimizer, self.in_force.choice.kind, self.model, state)
        if self.in_force.ema_decay is None:
            self.shadow = None
        elif self.shadow is None:
            self.shadow = copy.deepcopy(self.model)
            if state is not None and state.average:
                load_into(self.shadow, state, averaged=True)
        if self.shadow is not None:
            self._averages: list[Tensor] = list(self.shadow.parameters())
            self._averaged: list[Tensor] = list(self.model.parameters())

    @functools.cached_property
    def _limit(self) -> float:
        return limit_of(self.problem, self.trial, self.regime, self.feed, self.watch.first)
