"""Problems small enough to train in a test, and a training loop in plain PyTorch to compare with."""

from __future__ import annotations

import copy
import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from goodfit.training.dropout import CounterDropout, exchange_dropout
from goodfit.training.engines import ENGINES
from goodfit.training.problem import Loss, Problem
from goodfit.training.seeds import DROPOUT, INIT, ORDER, mixed
from goodfit.training.splits import ResidentSplit
from goodfit.training.trial import Ended, Points, Probed, Regime, Segment, Trial

SAMPLES, CLASSES = 52, 4


class Attention(nn.Module):
    """Attention written out, so that no fused operator is called."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)

    def forward(self, x):
        q, k, v = self.qkv(x).chunk(3, -1)
        return self.out((q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1])).softmax(-1) @ v)


class FusedAttention(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(width, 2, batch_first=True)

    def forward(self, x):
        return self.attention(x, x, x, need_weights=False)[0]


class Transformer(nn.Module):
    def __init__(self, attention: nn.Module, p: float) -> None:
        super().__init__()
        self.embed, self.norm, self.attention = nn.Embedding(11, 8), nn.LayerNorm(8), attention
        self.dropout, self.head = nn.Dropout(p), nn.Linear(8, CLASSES)

    def forward(self, tokens):
        x = self.embed(tokens)
        x = x + self.dropout(self.attention(self.norm(x)))
        return self.head(self.dropout(x).mean(1))  # the same dropout twice: two masks


class Recurrent(nn.Module):
    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer, self.head = layer, nn.Linear(6, CLASSES)

    def forward(self, x):
        return self.head(self.layer(x)[0][:, -1])


class FunctionalDropout(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(5, 8), nn.Linear(8, CLASSES)

    def forward(self, x):
        return self.second(F.dropout(self.first(x).relu(), 0.4, self.training))


class Branches(nn.Module):
    def __init__(self):
        super().__init__()
        self.head = nn.Linear(5, CLASSES)

    def forward(self, x):
        out = self.head(x)
        return out * 2 if out.sum() > 0 else out


MODELS = {
    "mlp": lambda hp: nn.Sequential(
        nn.Linear(5, 8), nn.ReLU(), nn.Dropout(hp.dropout), nn.Linear(8, 7), nn.Tanh(), nn.Linear(7, CLASSES)
    ),
    "cnn": lambda hp: nn.Sequential(
        nn.Conv2d(2, 3, 3, padding=1, bias=False),
        nn.BatchNorm2d(3),
        nn.ReLU(),
        nn.Dropout2d(hp.dropout),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Dropout(hp.dropout),
        nn.Linear(12, CLASSES),
    ),
    "gru": lambda hp: Recurrent(nn.GRU(3, 6, batch_first=True)),
    "lstm": lambda hp: Recurrent(nn.LSTM(3, 6, batch_first=True)),
    "attention": lambda hp: Transformer(Attention(8), hp.dropout),
    "fused-attention": lambda hp: Transformer(FusedAttention(8), hp.dropout),
    "functional-dropout": lambda hp: FunctionalDropout(),
}
SHAPES = {"mlp": (5,), "cnn": (2, 4, 4), "gru": (4, 3), "lstm": (4, 3), "functional-dropout": (5,)}


def accuracy(prediction, target):
    return (prediction.argmax(1) == target).double().mean()


def problem(model="mlp", dtype=torch.float64, loss=F.cross_entropy, build=None, samples=SAMPLES) -> Problem:
    generator = torch.Generator().manual_seed(0)
    shape = SHAPES.get(model)
    if shape is None:
        inputs = torch.randint(0, 11, (samples, 5), generator=generator)
    else:
        inputs = torch.randn(samples, *shape, generator=generator, dtype=torch.float64)
    targets = torch.randint(0, CLASSES, (samples,), generator=generator)
    return Problem(
        build or MODELS[model],
        loss if isinstance(loss, Loss) else Loss(loss),
        {"accuracy": accuracy},
        ResidentSplit((inputs, targets), dtype=dtype),
        ResidentSplit((inputs[:20], targets[:20]), dtype=dtype),
        dtype=dtype,
        default_batch_size=8,
    )


def trial(number=0, seed=3, schedule_steps=0, **hyperparameters) -> Trial:
    values = {"lr": 0.02, "optimizer": "sgd", "dropout": 0.0, **hyperparameters}
    return Trial(number, seed, (Segment(0, values, schedule_steps),))


class Quiet:
    """A control that stops what it is told to, and keeps checkpoints."""

    def __init__(self, stop_after=None, stopped=(), wants=False) -> None:
        self.asked, self.stop_after, self.stopped, self.wants = 0, stop_after, stopped, wants
        self.checkpoints = []

    def should_stop(self):
        self.asked += 1
        return self.stop_after is not None and self.asked > self.stop_after

    def is_stopped(self, trial):
        return trial in self.stopped

    def wants_checkpoint(self):
        return self.wants

    def checkpoint(self, states):
        self.checkpoints.append(copy.deepcopy(list(states)))


class Told:
    """What an engine said."""

    def __init__(self) -> None:
        self.events = []

    def __call__(self, event) -> None:
        self.events.append(event)

    def series(self, trial, series):
        parts = [e for e in self.events if isinstance(e, Points) and (e.trial, e.series) == (trial, series)]
        if not parts:
            return np.empty(0, dtype=np.int64), np.empty(0)
        return np.concatenate([p.steps for p in parts]), np.concatenate([p.values for p in parts])

    def names(self, trial):
        return {e.series for e in self.events if isinstance(e, Points) and e.trial == trial}

    def ended(self, trial):
        (end,) = [e for e in self.events if isinstance(e, Ended) and e.trial == trial]
        return end

    def probed(self, trial):
        return [e for e in self.events if isinstance(e, Probed) and e.trial == trial]


def train(engine, prob, trials, to_step, regime=None, states=None, control=None):
    """Train with an engine: (states, what was told)."""
    told = Told()
    states = ENGINES[engine].advance(
        prob, trials, states or [None] * len(trials), regime or Regime(), to_step, told, control or Quiet()
    )
    return states, told


def by_hand(prob, t, steps, optimizer, clip=None, smoothing=0.0, table=None, decay=None, batch_size=8, function=None):
    """The same training in plain PyTorch: losses [steps], the model, and its average where `decay` is given.

    Args:
        optimizer: from parameters to a torch.optim optimiser.
        table: multipliers of the rate.
        function: the loss; None: cross-entropy, smoothed.
    """
    from goodfit.hyperparameters import Hyperparameters

    hp = t.hyperparameters
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(mixed(t.seed, INIT))
        model = exchange_dropout(prob.build(Hyperparameters(hp)).to(prob.dtype))
    opt, average = optimizer(model.parameters()), copy.deepcopy(model) if decay else None
    drops = [m for m in model.modules() if isinstance(m, CounterDropout)]
    inputs, targets = prob.train.samples
    per_epoch, losses = len(inputs) // batch_size, []
    for step in range(steps):
        epoch, place = divmod(step, per_epoch)
        order = torch.randperm(len(inputs), generator=torch.Generator().manual_seed(mixed(t.seed, ORDER, epoch)))
        taken = order[place * batch_size : (place + 1) * batch_size]
        for layer, drop in enumerate(drops):
            key = mixed(t.seed, DROPOUT, step, layer)
            words = [key & 0xFFFFFFFF, (key >> 31) & 0xFFFFFFFF | 1]
            drop.key.copy_(torch.tensor(words, dtype=torch.int64).to(torch.int32))
            drop.uses = 0
        outputs = model(inputs[taken])
        if function is None:
            loss = F.cross_entropy(outputs, targets[taken], label_smoothing=smoothing)
        else:
            loss = function(outputs, targets[taken])
        opt.zero_grad()
        loss.backward()
        if clip:
            nn.utils.clip_grad_norm_(model.parameters(), clip)
        for group in opt.param_groups:
            group["lr"] = hp["lr"] * (1.0 if table is None else table[step])
        opt.step()
        losses.append(loss.item())
        if average is not None:
            share = min(decay, (1 + step) / (10 + step))
            with torch.no_grad():
                for a, w in zip(average.parameters(), model.parameters(), strict=True):
                    a.copy_(share * a + (1 - share) * w)
                for a, w in zip(average.buffers(), model.buffers(), strict=True):
                    if a.is_floating_point():
                        a.copy_(share * a + (1 - share) * w)
    return np.array(losses), model, average


def apart(ours: dict, theirs: dict) -> float:
    """The largest difference between tensors of the same names."""
    assert ours.keys() == theirs.keys()
    return max((ours[n].double() - theirs[n].double()).abs().max().item() for n in ours)
