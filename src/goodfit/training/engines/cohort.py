"""Trials of one structure on their way together: step, judge, let go, leave out, look."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from goodfit.training.batches import Feed
from goodfit.training.course import Course, InForce, batch_size_of, course_of
from goodfit.training.curve import Curve
from goodfit.training.divergence import not_finite_reason
from goodfit.training.dropout import begin_step, counter_dropouts
from goodfit.training.engine import Control, Emit
from goodfit.training.engines.captured import Replayed, recorder
from goodfit.training.engines.columns import Columns
from goodfit.training.engines.looking import RowsEvaluation, probe_batch
from goodfit.training.engines.pace import DEVICE_INTERVAL, SEND_STEPS
from goodfit.training.engines.program import Program, trained_names
from goodfit.training.engines.stack import Stack, is_finite_rows, row_optimizer
from goodfit.training.engines.start import dropout_rates, limit_of, start_model
from goodfit.training.faults import check_depends_on_weights, check_scalar, telling
from goodfit.training.fitted import fitted_reason, goal_loss
from goodfit.training.losses import LossWatch
from goodfit.training.probing import probe
from goodfit.training.problem import Batch, Problem
from goodfit.training.regularisers import clip_factor
from goodfit.training.splits import map_tensors, tensors_in
from goodfit.training.states import load_into
from goodfit.training.trial import ASKED_TO_LEAVE, Regime, Status, Trial, TrialState

_COMPACT_BELOW = 0.75  # share of rows still training below which leaving the dead ones out is tried
_COMPACT_BATCHES = 4  # batches on which the rest must then compute the same, bit for bit


class Cohort:
    """Trials on their way together. Row i of the stack is `rows[i]`, a place in `trials`."""

    def __init__(
        self,
        problem: Problem,
        trials: Sequence[Trial],
        states: Sequence[TrialState | None],
        regime: Regime,
        emit: Emit,
    ) -> None:
        steps = {0 if state is None else state.step for state in states}
        if len(steps) != 1:
            raise ValueError(f"the states of one cohort stand at one step, got {sorted(steps)}; split by step")
        self.problem, self.trials, self.regime = problem, list(trials), regime
        self.step = steps.pop()
        self.is_fresh = [state is None for state in states]
        self.watches = [LossWatch(regime.explosion_window, state) for state in states]
        self.courses: list[Course] = [course_of(trial, regime) for trial in trials]
        self.feed = Feed(problem, regime, batch_size_of(trials[0], problem, regime))
        self.curves = [Curve(trial.number, emit) for trial in trials]
        self.rows = list(range(len(trials)))
        self.left: dict[int, TrialState] = {}  # by place in `trials`
        self.segment_starts = frozenset().union(*(course.starts for course in self.courses))
        self.own_batches = len({trial.seed for trial in trials}) > 1
        self.interval = 1 if problem.device.type == "cpu" else DEVICE_INTERVAL

        models = [start_model(problem, trial, self.step, regime) for trial in trials]
        self.rates = [dropout_rates(model) for model in models]
        for model, state in zip(models, states, strict=True):
            if state is not None:
                load_into(model, state)
        self.program = Program(start_model(problem, trials[0], self.step, regime), problem.loss)
        self.scratch = start_model(problem, trials[0], self.step, regime)
        self.program.skeleton.train()
        record = recorder(problem.device)
        self._computing = Replayed("gradients", record, self._compute, lambda: list(self.stack.buffers.values()))
        self._updating = Replayed("updates", record, self._apply, self._updated)
        self._form: Batch = None  # of a batch, whose tensors come apart
        self._read_segments()
        has_average = any(s.ema_decay is not None for course in self.courses for s in course.segments)
        self.stack = Stack(models, self._trained(), has_average)
        for row, state in enumerate(states):
            if state is not None and state.average:
                self.stack.set_average(row, state.average)
        self.optimizer = row_optimizer(self.stack, [s.choice for s in self.in_force], states)
        self.pending: list[tuple[int, Tensor]] = []
        self.evaluation = RowsEvaluation(self.program, problem, self.feed)
        self.tried_rows = len(self.rows)
        self._limits: np.ndarray | None = None

    def run(self, to_step: int, control: Control) -> list[TrialState]:
        """Train to `to_step`; each trial's end is emitted when it comes."""
        if self.step == 0 and 0 in self.regime.eval_steps and any(self.is_fresh):
            self._look()
        while self.step < to_step and self._alive():
            for place in self._alive():
                if control.is_stopped(self.trials[place].number):
                    self._leave(place, Status.STOPPED, self.step, ASKED_TO_LEAVE)
            if control.should_stop():
                self._send_all()
                for place in self._alive():
                    self._leave(place, Status.INTERRUPTED, self.step)
            if self._alive():
                self._one_step(last=self.step + 1 >= to_step)
                if self.step % self.feed.steps_per_epoch == 0:
                    self._at_end_of_pass()
                    if self._alive() and control.wants_checkpoint():
                        self._send_all()
                        control.checkpoint([self.state_of(place) for place in range(len(self.trials))])
        self._end()
        return [self.state_of(place) for place in range(len(self.trials))]

    def state_of(self, place: int) -> TrialState:
        """A trial's state now, or as it was when it left."""
        if place in self.left:
            return self.left[place]
        row = self.rows.index(place)
        has_average = self.in_force[row].ema_decay is not None
        return self.stack.state(row, self.optimizer, has_average, self.step, self.watches[place])

    def _alive(self) -> list[int]:
        return [place for place in self.rows if place not in self.left]

    def _one_step(self, last: bool) -> None:
        step = self.step
        if step in self.segment_starts and step > 0:
            self._enter_segments()
        what = f"training {len(self.rows)} trials together, step {step}"
        with telling(what):
            batch = self._batch(step)
            self._form = batch
            *found, losses = self._computing([self.columns.keys(step), *tensors_in(batch)])
            gradients = dict(zip(self.stack.trained, found, strict=True))
        self.pending.append((step, losses.detach().clone()))
        if len(self.pending) >= self.interval or last or step == 0:
            self._judge(batch)
        if not self._alive():
            return
        if len(self._alive()) < len(self.rows):
            gradients = self._compacted(step, gradients)
        self._update(step, self.stack.gather(gradients))
        self.step += 1
        if self.step in self.regime.eval_steps:
            self._look()
        elif self.step % SEND_STEPS == 0:
            for place in self._alive():
                self.curves[place].offer()

    def _compute(self, inputs: list[Tensor]) -> list[Tensor]:
        """All rows' gradients in the order of names, then their losses; from dropout keys and a batch's tensors."""
        keys, *tensors = inputs
        rest = iter(tensors)
        gradients, losses = self._gradients(map_tensors(lambda _: next(rest), self._form), keys)
        return [*(gradients[name] for name in self.stack.trained), losses]

    def _apply(self, coefficients: list[Tensor]) -> list[Tensor]:
        self.optimizer.apply(self.stack.weights, self.stack.gradient, coefficients)
        return []

    def _updated(self) -> list[Tensor]:
        return [self.stack.weights, self.stack.gradient, *self.optimizer.slots.values()]

    def _gradients(self, batch: Batch, keys: Tensor, rows: list[int] | None = None) -> tuple[dict[str, Tensor], Tensor]:
        """Gradients by name and losses of all rows; of a copy of some rows, whose buffers then stay as they are."""
        stack, columns = self.stack, self.columns
        fixed = {**stack.constants, **stack.buffers}
        dropout = dict(columns.dropout)
        for layer, name in enumerate(self.program.dropouts):
            dropout[f"{name}.key"] = keys[:, layer]
        weights, smoothing = stack.views, columns.smoothing
        if rows is not None:
            weights = stack.named(stack.weights[rows].clone())
            fixed = {name: value[rows].clone() for name, value in fixed.items()}
            dropout = {name: value[rows].clone() for name, value in dropout.items()}
            smoothing = smoothing[rows].clone()
            if self.own_batches:
                batch = map_tensors(lambda tensor: tensor[rows].clone(), batch)
        return self.program.gradients(weights, fixed, dropout, smoothing, batch, self.own_batches)

    def _update(self, step: int, gradient: Tensor) -> None:
        stack, columns, every = self.stack, self.columns, self.regime.probe_every
        is_probed = every > 0 and step % every == 0
        lr = columns.lr(step)
        before = stack.weights.clone() if is_probed else None
        if is_probed or columns.clips is not None:
            norms = torch.linalg.vector_norm(gradient, dim=1, keepdim=True)
            if columns.clips is not None:
                gradient.mul_(clip_factor(norms, columns.clips))
            if is_probed:
                self._record("grad_norm", step, norms[:, 0])
                self._record("lr", step, lr[:, 0])
        if self.optimizer.goes_by_rows:
            self.optimizer.step(stack.weights, gradient, lr)
        else:
            self._updating(self.optimizer.coefficients(lr))
        if before is not None:
            self._record_ratios(step, before)
        if stack.average is not None:
            stack.update_average(columns.shares(step))

    def _record_ratios(self, step: int, before: Tensor) -> None:
        moved = self.stack.named(self.stack.weights - before)
        for name, old in self.stack.named(before).items():
            if old.ndim >= 3:
                sizes = old.flatten(1).norm(dim=1)
                ratios = moved[name].flatten(1).norm(dim=1) / sizes
                self._record(f"update_ratio/{name}", step, ratios, sizes > 0)

    def _record(self, series: str, step: int, values: Tensor, valid: Tensor | None = None) -> None:
        shown = [True] * len(values) if valid is None else valid.tolist()
        for row, (value, is_shown) in enumerate(zip(values.tolist(), shown, strict=True)):
            if is_shown and self.rows[row] not in self.left:
                self.curves[self.rows[row]].add(series, step, value)

    def _judge(self, batch: Batch | None) -> None:
        """Look at the losses since the last look; trials leave at their first bad one."""
        pending, self.pending = self.pending, []
        for step, tensor in pending:
            losses = tensor.double().cpu().numpy()
            for row, place in enumerate(self.rows):
                if place not in self.left:
                    value = float(losses[row])
                    self.curves[place].add("step_loss", step, value)
                    self.watches[place].add(value)
            doubtful = ~(np.isfinite(losses) & (losses <= self._explosion_limits()))
            for row in np.flatnonzero(doubtful).tolist():
                if self.rows[row] not in self.left:
                    self._judge_row(row, float(losses[row]), step, batch)

    def _send_all(self) -> None:
        """Tell every point so far: who goes on from a state begins after its step, and never tells them again."""
        self._judge(None)
        for place in self._alive():
            self.curves[place].send()

    def _judge_row(self, row: int, value: float, step: int, batch: Batch | None) -> None:
        place = self.rows[row]
        if not math.isfinite(value):
            self._leave(place, Status.DIVERGED, *self._not_finite(row, value, step, batch))
            return
        limit, watch = float(self._explosion_limits()[row]), self.watches[place]
        if watch.has_exploded(limit):
            self._leave(place, Status.DIVERGED, step, watch.exploded_reason(limit, step))

    def _not_finite(self, row: int, value: float, step: int, batch: Batch | None) -> tuple[int, str]:
        """First bad step and reason, found on a plain copy of the row."""
        self.stack.write_into(self.scratch, row)
        self.scratch.train()
        for layer, dropout in enumerate(counter_dropouts(self.scratch).values()):
            dropout.key = self.columns.keys(step)[row, layer]
            dropout.set_rate(self.rates[self.rows[row]][layer])
        own = batch
        if step != self.step:
            own = None  # looked at too late: the batch and the weights of that step are gone
        elif self.own_batches:
            own = map_tensors(lambda tensor: tensor[row], batch)
        begin_step(counter_dropouts(self.scratch).values())
        return not_finite_reason(self.scratch, self.problem.loss, own, value, step)

    def _leave(self, place: int, status: Status, step: int, reason: str = "") -> None:
        self.left[place] = self.state_of(place)
        self.curves[place].end(status, step, reason)

    def _compacted(self, step: int, gradients: dict[str, Tensor]) -> dict[str, Tensor]:
        """Leave dead rows out, if the living ones then compute the same to the last bit; else they are dragged along.

        Kernels may treat a row by its place (vector tails, blocks), so this is tried on the next few batches.
        """
        kept = [row for row, place in enumerate(self.rows) if place not in self.left]
        if len(kept) > _COMPACT_BELOW * self.tried_rows or len(kept) < 2:
            return gradients
        self.tried_rows = len(kept)
        if not all(self._is_same_without(kept, self._batch(step + ahead), step) for ahead in range(_COMPACT_BATCHES)):
            return gradients
        self.stack.keep(kept)
        self.optimizer.keep(kept)
        self.rows = [self.rows[row] for row in kept]
        self.pending = [(at, losses[kept]) for at, losses in self.pending]
        self._read_segments()
        self._limits = None
        return {name: gradient[kept] for name, gradient in gradients.items()}

    def _is_same_without(self, kept: list[int], batch: Batch, step: int) -> bool:
        """Whether these rows' gradients and losses are the same, bit for bit, when the others are left out."""
        keys = self.columns.keys(step)
        everyone, everyone_losses = self._gradients(batch, keys, list(range(len(self.rows))))
        survivors, survivor_losses = self._gradients(batch, keys, kept)
        return torch.equal(everyone_losses[kept], survivor_losses) and all(
            torch.equal(everyone[name][kept], survivors[name]) for name in survivors
        )

    def _at_end_of_pass(self) -> None:
        fraction, floor = self.regime.fitted_fraction, self.regime.fitted_floor
        for row, place in enumerate(self.rows):
            if place in self.left:
                continue
            mean, first = self.watches[place].end_pass(), self.watches[place].first
            if fraction is None or first is None or mean is None:
                continue
            goal = goal_loss(first, fraction, floor)
            if mean <= goal:
                self.stack.write_into(self.scratch, row)
                batches = (self.feed.fetch(piece) for piece in self.feed.samples.split(self.feed.batch_size))
                reason = fitted_reason(self.scratch, self.problem.loss, batches, goal, first)
                if reason:
                    self._leave(place, Status.STOPPED, self.step, reason)

    def _end(self) -> None:
        finite = is_finite_rows(self.stack.weights)
        for row, place in enumerate(self.rows):
            if place in self.left:
                continue
            if finite[row]:
                self.curves[place].end(Status.DONE, self.step)
            else:
                self.curves[place].end(Status.DIVERGED, *self._not_finite(row, 0.0, self.step, None))

    def _look(self) -> None:
        """Evaluate and probe as the regime asks after this many steps, and send the points."""
        with telling(f"evaluating {len(self._alive())} trials after step {self.step}"):
            self._evaluate("")
            if self.stack.average is not None:
                self._evaluate(".averaged")
            self._record("lr", self.step, self.columns.lr(self.step)[:, 0])
            for place in self._alive():
                self.curves[place].offer()
                if self.regime.probe:
                    self.stack.write_into(self.scratch, self.rows.index(place))
                    batch = probe_batch(self.feed)
                    number = self.trials[place].number
                    self.curves[place].tell(probe(self.scratch, self.problem.loss, batch, number, self.step))

    def _evaluate(self, suffix: str) -> None:
        shown = [
            row
            for row, place in enumerate(self.rows)
            if place not in self.left and (not suffix or self.in_force[row].ema_decay is not None)
        ]

        def alone(row: int) -> nn.Module:
            load_into(self.scratch, self.state_of(self.rows[row]), averaged=bool(suffix))
            return self.scratch

        for row, points in self.evaluation.points(self.stack, shown, suffix, alone):
            self.curves[self.rows[row]].add_all(self.step, points)

    def _batch(self, step: int) -> Batch:
        seeds = [self.trials[place].seed for place in self.rows]
        return self.feed.own_batches(seeds, step) if self.own_batches else self.feed.batch(seeds[0], step)

    def _trained(self) -> list[str]:
        """Names of the parameters that gradients reach, from one plain pass on a copy."""
        what = f"training trial {self.trials[0].number}, step {self.step}"
        with telling(what):
            batch = self.feed.batch(self.trials[0].seed, self.step)
            self.scratch.train()
            loss = self.problem.loss(self.scratch, batch)
            check_scalar(loss, what)
            check_depends_on_weights(loss, what)
            return trained_names(self.scratch, self.problem.loss, batch)

    def _enter_segments(self) -> None:
        """Take over the hyperparameters of the rows whose segments begin at this step; slots go on."""
        kind = self.optimizer.kind
        for place in self._alive():
            if self.step in self.courses[place].starts:
                model = start_model(self.problem, self.trials[place], self.step, self.regime)
                self.rates[place] = dropout_rates(model)
                if self.courses[place].at(self.step - 1).ema_decay is None:
                    self.stack.set_average(self.rows.index(place), {})
        self._read_segments()
        choices = [segment.choice for segment in self.in_force]
        if choices[0].kind == kind:
            self.optimizer.set_choices(choices)
        else:
            self.optimizer = row_optimizer(self.stack, choices, [None] * len(choices))

    def _read_segments(self) -> None:
        """What is in force for each row from this step on."""
        self.columns = Columns(
            self.problem,
            [self.courses[place].at(self.step) for place in self.rows],
            [self.trials[place].seed for place in self.rows],
            list(self.program.dropouts),
            [self.rates[place] for place in self.rows],
        )
        self.program.training_loss.smoothed = self.columns.is_smoothed
        self._computing.forget()
        self._updating.forget()

    @property
    def in_force(self) -> list[InForce]:
        """Each row's segment."""
        return self.columns.in_force

    def _explosion_limits(self) -> np.ndarray:
        if self._limits is None:
            self._limits = np.array(
                [
                    limit_of(self.problem, self.trials[place], self.regime, self.feed, self.watches[place].first)
                    for place in self.rows
                ]
            )
        return self._limits
