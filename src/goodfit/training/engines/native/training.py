"""One trial on its way in the native engine: chunks of steps in the kernel, and what has to be said between them."""

from __future__ import annotations

import ctypes
import functools
import math
import time
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from goodfit.training.batches import Feed
from goodfit.training.course import batch_size_of, course_of
from goodfit.training.curve import Curve
from goodfit.training.divergence import not_finite_reason
from goodfit.training.dropout import counter_dropouts
from goodfit.training.engine import Control, Emit
from goodfit.training.engines.looking import probe_batch
from goodfit.training.engines.native import library
from goodfit.training.engines.native.criterion import criterion_of
from goodfit.training.engines.native.ends import not_finite_at
from goodfit.training.engines.native.evaluation import Evaluation
from goodfit.training.engines.native.memory import Blocks
from goodfit.training.engines.native.network import network_of, ops_of, used_names
from goodfit.training.engines.start import dropout_rates, limit_of, start_model
from goodfit.training.evaluation import evaluating
from goodfit.training.faults import telling
from goodfit.training.fitted import fitted_reason, goal_loss
from goodfit.training.losses import LossWatch
from goodfit.training.optimizers import SLOTS
from goodfit.training.probing import probe
from goodfit.training.problem import Problem
from goodfit.training.regularisers import check_label_smoothing, own_smoothing
from goodfit.training.splits import ResidentSplit
from goodfit.training.states import load_into, state_buffers
from goodfit.training.trial import ASKED_TO_LEAVE, Regime, Status, Trial, TrialState

CHUNK_SECONDS = 0.004  # between looks at what the outside says
FIRST_CHUNK = 16  # steps, before their pace is known
MOST_STEPS = 1 << 16  # in a chunk

EndOf = tuple[Status, int, str]


class NativeTraining:
    """One trial on its way."""

    def __init__(
        self,
        problem: Problem,
        trial: Trial,
        state: TrialState | None,
        regime: Regime,
        emit: Emit,
        kernel: library.Kernel,
    ) -> None:
        """
        Raises:
            CannotRunError: the network, the loss or the data are none that the kernel knows.
            TaskError: the state was made by another structure.
        """
        self.problem, self.trial, self.regime, self.kernel = problem, trial, regime, kernel
        self.course = course_of(trial, regime)
        self.feed = Feed(problem, regime, batch_size_of(trial, problem, regime))
        self.step = 0 if state is None else state.step
        self.is_fresh = state is None
        self.watch = LossWatch(regime.explosion_window, state)
        self.curve = Curve(trial.number, emit)
        self.pace = FIRST_CHUNK
        self.is_double = int(problem.dtype == torch.float64)

        self.model = start_model(problem, trial, self.step, regime)
        self.model.train()
        if state is not None:
            load_into(self.model, state)
        assert isinstance(problem.train, ResidentSplit)
        self.inputs, targets = (tensor.contiguous() for tensor in problem.train.samples)
        self.network = network_of(self.model, tuple(self.inputs.shape[1:]))
        self.criterion = criterion_of(problem.loss, self.network.output, targets, problem.dtype)
        used, buffers = used_names(self.network)
        self.blocks, self.statistic_blocks = Blocks(used), Blocks(buffers)
        self.weights = self.blocks.filled(used, problem.dtype)
        self.statistics = self.statistic_blocks.filled(buffers, problem.dtype)
        self.trained = [name for name, parameter in used.items() if parameter.requires_grad]
        self.views, self.statistic_views = self.blocks.views(self.weights), self.statistic_blocks.views(self.statistics)
        self.slots: dict[str, Tensor] = {}  # flat, by torch.optim's name
        self.updates = 0
        self.average: Tensor | None = None
        self.average_statistics: Tensor | None = None
        self.ratios = [name for name in self.trained if used[name].ndim >= 2]
        self._parameters = self.blocks.parameters(used, self.ratios)
        self.recent = np.zeros(regime.explosion_window)
        self.job = self._job()
        self._enter_segment(state)

    def run(self, to_step: int, control: Control, checkpoint: Callable[[TrialState], None]) -> TrialState:
        """Train to `to_step` or to an earlier end; emits the end."""
        if self.is_fresh and 0 in self.regime.eval_steps:
            self._look()
        end: EndOf | None = None
        while end is None and self.step < to_step:
            if control.is_stopped(self.trial.number):
                end = Status.STOPPED, self.step, ASKED_TO_LEAVE
            elif control.should_stop():
                end = Status.INTERRUPTED, self.step, ""
            else:
                end = self._chunk(to_step)
                if end is None and self.step % self.feed.steps_per_epoch == 0 and control.wants_checkpoint():
                    self.curve.send()  # who goes on from a checkpoint begins after its step
                    checkpoint(self.state())
        status, step, reason = end or self._weights_end() or (Status.DONE, self.step, "")
        self.curve.end(status, step, reason)
        return self.state()

    def state(self) -> TrialState:
        """The trial as it stands, in the module's own names and shapes."""
        slots: dict[str, dict[str, Tensor]] = {}
        kind = self.in_force.choice.kind
        for slot in SLOTS[kind]:
            if slot in self.slots:
                views = self.blocks.views(self.slots[slot])
                slots[slot] = {name: _copied(views[name]) for name in self.trained}
        if kind != "sgd":
            slots["step"] = {name: torch.tensor(float(self.updates)) for name in self.trained}
        average: dict[str, Tensor] = {}
        if self.average is not None and self.average_statistics is not None:
            views = {**self.blocks.views(self.average), **self.statistic_blocks.views(self.average_statistics)}
            tensors = [*self.model.named_parameters(), *state_buffers(self.model)]
            average = {name: _copied(views.get(name, t)) for name, t in tensors if t.is_floating_point()}
        known = {**self.views, **self.statistic_views}
        return TrialState(
            step=self.step,
            parameters={name: _copied(known.get(name, p)) for name, p in self.model.named_parameters()},
            buffers={name: _copied(known.get(name, b)) for name, b in state_buffers(self.model)},
            optimizer=slots,
            average=average,
            **self.watch.kept(),
        )

    def outputs_beside_plain(self, count: int) -> tuple[Tensor, Tensor]:
        """The outputs of the first training samples in evaluation mode: the kernel's, and plain PyTorch's."""
        indices = self.feed.samples[:count].contiguous()
        self._write_model()
        with torch.no_grad(), evaluating(self.model):
            plain = self.model(self.feed.shown((self.inputs.index_select(0, indices), indices))[0])
        return self._predict(self.weights, self.statistics, self.inputs, indices), plain

    def _chunk(self, to_step: int) -> EndOf | None:
        """Some steps in the kernel, up to the next one at which something has to be said."""
        step, per_pass = self.step, self.feed.steps_per_epoch
        if step in self.course.starts and step > self.in_force.start:
            self._enter_segment(None)
        steps = self._steps_ahead(to_step)
        indices, drawn = self._indices(step, steps)
        rates = self.in_force.rates(range(step, step + steps))
        losses = np.empty(steps)
        every = self.regime.probe_every
        probed_steps = np.arange(-(-step // every) * every, step + steps, every) if every > 0 else np.empty(0, np.int64)
        probed = np.empty((len(probed_steps), 1 + len(self.ratios)))

        job, first = self.job, self.watch.first
        job.first_step, job.steps, job.updates = step, steps, self.updates
        job.indices, job.target_indices = indices.data_ptr(), None if drawn is None else drawn.data_ptr()
        job.rates, job.losses, job.probed = rates.ctypes.data, losses.ctypes.data, probed.ctypes.data
        job.limit, job.goal = (math.inf, -math.inf) if first is None else (self._limit, self._goal)
        kept = self.watch.kept()
        self.recent[: len(kept["recent_losses"])] = kept["recent_losses"]
        job.recent_count = len(kept["recent_losses"])
        job.pass_sum, job.pass_steps = kept["pass_loss_sum"], kept["pass_steps"]
        began = time.thread_time()  # on a busy machine the wall clock would make chunks short
        self.kernel.train(ctypes.byref(job), self.is_double)
        seconds = time.thread_time() - began

        done, ended = job.steps_done, job.end
        told = done + (ended in (library.NOT_FINITE, library.EXPLODED))
        self.updates = job.updates
        self.watch.take_over(
            float(losses[0]) if first is None else first,
            self.recent[: job.recent_count].tolist(),
            job.pass_sum,
            job.pass_steps,
        )
        self.step += done
        self._count_batches(told)
        if steps > 1:
            self.pace = max(1, min(MOST_STEPS, round(CHUNK_SECONDS / max(seconds, 1e-9) * max(done, 1))))
        self.curve.extend("step_loss", np.arange(step, step + told), losses[:told])
        self._add_probed(probed_steps[probed_steps < step + done], probed, rates, step)
        if ended == library.NOT_FINITE:
            return self._not_finite(float(losses[done]))
        if ended == library.EXPLODED:
            return Status.DIVERGED, self.step, self.watch.exploded_reason(self._limit, self.step)
        alone_at_goal = first is None and per_pass == 1 and self.watch.first is not None and losses[0] <= self._goal
        if ended == library.PASS_AT_GOAL or alone_at_goal:
            end = self._fitted()
            if end is not None:
                return end
        if self.step in self.regime.eval_steps:
            self._look()
        else:
            self.curve.offer()
        return None

    def _steps_ahead(self, to_step: int) -> int:
        """How many steps the next chunk takes: to the next look, segment or end, or for as long as a chunk lasts."""
        step, per_pass = self.step, self.feed.steps_per_epoch
        if self.watch.first is None:
            return 1  # whose loss is what the others are judged by
        stops = (*self.regime.eval_steps, *self.course.starts, to_step)
        most = min(at for at in stops if at > step) - step
        if self.pace >= most:
            return most
        # To the end of a pass, where checkpoints are asked for, if it comes within the chunk.
        last_pass = (step + self.pace) // per_pass * per_pass
        return last_pass - step if last_pass > step else min(self.pace, most)

    def _indices(self, step: int, steps: int) -> tuple[Tensor, Tensor | None]:
        """Positions of the samples of all these steps, and those of their targets where they are others."""
        seed = self.trial.seed
        indices = self.feed.all_indices(seed, range(step, step + steps))
        if not self.regime.redraw_targets:
            return indices, None
        drawn = [self.feed.drawn_targets(seed, at) for at in range(step, step + steps)]
        return indices, torch.cat(drawn).contiguous()

    def _add_probed(self, steps: np.ndarray, probed: np.ndarray, rates: np.ndarray, first: int) -> None:
        if not len(steps):
            return
        self.curve.extend("lr", steps, rates[steps - first])
        self.curve.extend("grad_norm", steps, probed[: len(steps), 0])
        for place, name in enumerate(self.ratios):
            ratios = probed[: len(steps), 1 + place]
            has_size = ~np.isnan(ratios)
            self.curve.extend(f"update_ratio/{name}", steps[has_size], ratios[has_size])
        for name in self._idle_ratios:
            self.curve.extend(f"update_ratio/{name}", steps, np.zeros(len(steps)))

    @functools.cached_property
    def _idle_ratios(self) -> list[str]:
        """Weights that no gradient reaches: their update ratio is 0."""
        return [
            name
            for name, p in self.model.named_parameters()
            if p.ndim >= 2 and p.requires_grad and name not in self.views and float(p.detach().norm()) > 0
        ]

    def _count_batches(self, count: int) -> None:
        """BatchNorm's counters of batches, which nothing reads but a state."""
        for layer in self.network.layers:
            counter = getattr(layer.module, "num_batches_tracked", None)
            if counter is not None:
                counter.add_(count)

    def _fitted(self) -> EndOf | None:
        self._write_model()
        pieces = self.feed.samples.split(self.feed.batch_size)
        batches = (self.feed.fetch(piece) for piece in pieces)
        assert self.watch.first is not None
        reason = fitted_reason(self.model, self.problem.loss, batches, self._goal, self.watch.first)
        return (Status.STOPPED, self.step, reason) if reason else None

    def _not_finite(self, value: float) -> EndOf:
        """The first bad step and what broke, found on the plain model."""
        self._write_model()
        bad = not_finite_at(self.model, self.problem, self.feed, self.trial.seed, self.step, value)
        return Status.DIVERGED, *bad

    def _weights_end(self) -> EndOf | None:
        """Whether the last update left weights that are not finite."""
        if math.isfinite(float(self.weights.sum())) or all(bool(torch.isfinite(v).all()) for v in self.views.values()):
            return None
        self._write_model()
        return Status.DIVERGED, *not_finite_reason(self.model, self.problem.loss, None, 0.0, self.step)

    def _write_model(self) -> None:
        """Put the weights and running statistics into the plain model."""
        with torch.no_grad():
            for name, parameter in self.model.named_parameters():
                if name in self.views:
                    parameter.copy_(self.views[name])
            for name, buffer in state_buffers(self.model):
                if name in self.statistic_views:
                    buffer.copy_(self.statistic_views[name])

    def _look(self) -> None:
        """Evaluate and probe as the regime asks after this many steps."""
        with telling(f"evaluating trial {self.trial.number} after step {self.step}"), torch.no_grad():
            points = self._evaluation.points(self.weights, self.statistics, "")
            if self.average is not None and self.average_statistics is not None:
                points |= self._evaluation.points(self.average, self.average_statistics, ".averaged")
            self.curve.add_all(self.step, points)
            self.curve.extend("lr", np.array([self.step]), np.array([self.in_force.lr(self.step)]))
            self.curve.offer()
            if self.regime.probe:
                self._write_model()
                batch = probe_batch(self.feed)
                self.curve.tell(probe(self.model, self.problem.loss, batch, self.trial.number, self.step))

    @functools.cached_property
    def _evaluation(self) -> Evaluation:
        return Evaluation(self.problem, self.feed, self.criterion, self._predict)

    def _predict(self, weights: Tensor, statistics: Tensor, inputs: Tensor, indices: Tensor) -> Tensor:
        """Outputs in eval mode: [samples, *output]."""
        outputs = torch.empty((len(indices), *self.network.output), dtype=self.problem.dtype)
        self.kernel.predict(
            *(ctypes.byref(self.job), self.is_double, weights.data_ptr(), statistics.data_ptr()),
            *(inputs.data_ptr(), indices.data_ptr(), len(indices), outputs.data_ptr()),
        )
        return outputs

    def _job(self) -> library.Job:
        """What stays the same between chunks."""
        job, criterion, regime = library.Job(), self.criterion, self.regime
        job.parameters = (library.Parameter * len(self._parameters))(*self._parameters)
        job.parameter_count = len(self._parameters)
        job.weight_count, job.statistic_count = self.blocks.count, self.statistic_blocks.count
        job.weights, job.statistics = self.weights.data_ptr(), self.statistics.data_ptr()
        job.seed = self.trial.seed & 0x7FFFFFFFFFFFFFFF
        job.inputs, job.width = self.inputs.data_ptr(), self.network.width
        job.zero_inputs = int(regime.zero_inputs)
        job.classes = None if criterion.classes is None else criterion.classes.data_ptr()
        job.numbers = None if criterion.numbers is None else criterion.numbers.data_ptr()
        job.target_width = 1 if criterion.numbers is None else criterion.numbers.shape[1]
        job.batch, job.steps_per_pass = self.feed.batch_size, self.feed.steps_per_epoch
        job.loss, job.beta, job.ignored = criterion.kind, criterion.beta, criterion.ignored
        job.class_weights = None if criterion.class_weights is None else criterion.class_weights.data_ptr()
        job.probe_every, job.ratio_count = regime.probe_every, len(self.ratios)
        job.window, job.recent = regime.explosion_window, self.recent.ctypes.data
        return job

    def _enter_segment(self, state: TrialState | None) -> None:
        """Take over the hyperparameters in force at this step; the optimiser's slots go on."""
        self.in_force = self.course.at(self.step)
        check_label_smoothing(self.problem.loss, self.in_force.hyperparameters)
        dropouts = list(counter_dropouts(self.model).values())
        if self.step > 0 and self.step == self.in_force.start:
            rates = dropout_rates(start_model(self.problem, self.trial, self.step, self.regime))
            for dropout, rate in zip(dropouts, rates, strict=True):
                dropout.set_rate(rate)
        job, choice = self.job, self.in_force.choice
        own = own_smoothing(self.problem.loss)
        job.smoothing = own if self.in_force.label_smoothing is None else self.in_force.label_smoothing
        job.rule, job.nesterov = library.RULES[choice.kind], int(choice.nesterov)
        job.momentum, job.beta1, job.beta2 = choice.momentum, choice.beta1, choice.beta2
        job.eps, job.weight_decay, job.clip = choice.eps, choice.weight_decay, self.in_force.grad_clip
        job.ema_decay = -1.0 if self.in_force.ema_decay is None else self.in_force.ema_decay
        self._take_slots(state)
        self._take_average(state)
        ops = ops_of(self.network, self.model, self.blocks.offsets, self.statistic_blocks.offsets)
        job.ops, job.op_count = (library.Op * len(ops))(*ops), len(ops)
        size = self.kernel.workspace_bytes(ctypes.byref(job), self.is_double)
        self._workspace = torch.zeros(size, dtype=torch.uint8)
        job.workspace = self._workspace.data_ptr()

    def _take_slots(self, state: TrialState | None) -> None:
        """The optimiser's slots: those of the state, or those that went before, or zeros."""
        choice = self.in_force.choice
        held = {} if state is None else state.optimizer
        known = {slot: self.slots[slot] for slot in SLOTS[choice.kind] if slot in self.slots}
        for slot in SLOTS[choice.kind]:
            if slot in held:
                known[slot] = self.blocks.filled(held[slot], self.problem.dtype)
        if not known:
            self.updates = 0
        elif state is not None:
            self.updates = int(max((float(value) for value in held.get("step", {}).values()), default=0.0))
        for slot in SLOTS[choice.kind]:
            if slot not in known and (slot != "momentum_buffer" or choice.momentum > 0):
                known[slot] = self.blocks.empty(self.problem.dtype)
        self.slots = known
        pointers = [known[slot].data_ptr() if slot in known else None for slot in SLOTS[choice.kind]]
        self.job.first_slot, self.job.second_slot = (*pointers, None)[:2]

    def _take_average(self, state: TrialState | None) -> None:
        if self.in_force.ema_decay is None:
            self.average = self.average_statistics = None
        elif self.average is None:
            self.average, self.average_statistics = self.weights.clone(), self.statistics.clone()
            if state is not None and state.average:
                for blocks, flat in ((self.blocks, self.average), (self.statistic_blocks, self.average_statistics)):
                    for name, view in blocks.views(flat).items():
                        view.copy_(state.average[name])
        self.job.average = None if self.average is None else self.average.data_ptr()
        self.job.average_statistics = None if self.average_statistics is None else self.average_statistics.data_ptr()

    @functools.cached_property
    def _limit(self) -> float:
        return limit_of(self.problem, self.trial, self.regime, self.feed, self.watch.first)

    @property
    def _goal(self) -> float:
        """The mean loss of a pass at which the samples may be learned; minus infinity where nobody asks."""
        regime, first = self.regime, self.watch.first
        if regime.fitted_fraction is None or first is None:
            return -math.inf
        return goal_loss(first, regime.fitted_fraction, regime.fitted_floor)


def _copied(tensor: Tensor) -> Tensor:
    return torch.clone(tensor.detach(), memory_format=torch.contiguous_format)
