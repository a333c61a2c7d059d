"""What a column's name says: which split it is of, and which quantity.

Tools agree on little: `loss`, `train_loss`, `train/loss`, `Loss/train`, `training loss`, `tr_loss`, `valid_loss`,
`eval_loss`, `val_acc`, `Accuracy/test`, `lr-AdamW`, `trainer/global_step`, `run-1 - val_loss`. A name is cut into words
and every word is looked up; order, case and separators do not matter.
"""

from __future__ import annotations

import dataclasses
import re
from enum import Enum


class Quantity(Enum):
    """What is counted or measured."""

    STEP = "step"
    EPOCH = "epoch"
    TIME = "time"
    LOSS = "loss"
    METRIC = "metric"
    LR = "lr"
    GRAD_NORM = "grad_norm"
    RUN = "run"
    OTHER = "other"


@dataclasses.dataclass(frozen=True, slots=True)
class Role:
    """A column's meaning."""

    quantity: Quantity
    split: str = ""  # "train", "val", "test" or "": not said
    name: str = ""  # of a metric or of a part of a loss: "accuracy", "top5 accuracy"; "" for the plain loss
    grain: str = ""  # "step" or "epoch" where the name says how often (Lightning's `train_loss_step`)
    is_spread: bool = False  # a minimum, maximum or deviation beside the value itself

    @property
    def maximise(self) -> bool:
        """Whether more of it is better."""
        return not set(self.name.split()) & LOWER_IS_BETTER

    @property
    def is_share(self) -> bool:
        """Whether it is a share of right answers: 1 (or 100 %) is the best there is, guessing is above 0."""
        return bool(set(self.name.split()) & SHARES)

    @property
    def is_error_rate(self) -> bool:
        """Whether it may be a share of wrong answers."""
        return bool(set(self.name.split()) & ERROR_RATES)


SPLITS = {
    **dict.fromkeys(("train", "training", "trn", "tr", "fit"), "train"),
    **dict.fromkeys(
        ("val", "valid", "validation", "validate", "dev", "devel", "eval", "evaluation", "cv", "holdout", "heldout",
         "validating", "vl"),
        "val",
    ),
    **dict.fromkeys(("test", "testing", "tst", "te"), "test"),
}  # fmt: skip
LOSSES = frozenset({
    "loss", "losses", "cost", "objective", "nll", "xent", "crossentropy", "bce", "ce", "elbo", "logloss",
})  # fmt: skip
ACCURACIES = frozenset({"acc", "accuracy", "accuracies", "acc1", "top1", "prec1", "accu", "hit", "acc@1"})
SHARES = frozenset({"accuracy"})
ERROR_RATES = frozenset({"error"})
HIGHER = frozenset({
    "f1", "fscore", "auc", "auroc", "roc", "auprc", "iou", "miou", "jaccard", "dice", "map", "map50", "ap",
    "r2", "bleu", "rouge", "precision", "recall", "mcc", "kappa", "psnr", "ssim", "correlation", "pearson",
    "spearman", "score", "metric", "ndcg", "mrr", "top5", "acc5", "prec5", "sensitivity", "specificity",
    "matthews",
})  # fmt: skip
LOWER = frozenset({
    "error", "err", "err1", "wer", "cer", "mse", "mae", "rmse", "rmsle", "mape", "ppl", "perplexity", "fid",
    "bpc", "bpb", "brier", "ece", "rate", "deviance", "huber",
})  # fmt: skip
LOWER_IS_BETTER = frozenset(LOWER - {"rate"})
STEPS = frozenset({
    "step", "steps", "batch", "iteration", "iterations", "iter", "iters", "it", "itr", "update", "updates", "batches",
    "minibatch", "minibatches",
})  # fmt: skip
EPOCHS = frozenset({"epoch", "epochs", "ep"})
TIMES = frozenset({
    "time", "timestamp", "walltime", "elapsed", "runtime", "seconds", "secs", "duration", "date", "eta",
    "hours", "minutes", "clock", "speed", "throughput", "fps",
})  # fmt: skip
RUNS = frozenset({"run", "trial", "experiment", "fold", "seed", "model", "job", "config"})
SPREADS = frozenset({"min", "max", "std", "stderr", "stdev", "sem", "sd", "lower", "upper", "var", "ci", "best"})
NOISE = frozenset({
    "avg", "average", "mean", "running", "smoothed", "ema", "epoch", "step", "metrics", "metric", "scalar",
    "scalars", "value", "log", "logs", "total", "overall", "set", "per", "on", "the", "of", "in", "raw", "0",
    "perf", "performance", "global", "trainer", "num", "n", "idx", "index", "no", "number", "current",
    "stats", "sum", "all", "monitor",
})  # fmt: skip


def words(name: str) -> list[str]:
    """The words of a name, in lower case: trainLoss, train_loss and "Train/Loss" are all train, loss."""
    name = name.replace("mAP", "map")
    name = re.sub(r"(?<=[a-z0-9])(?=[A-Z][a-z])|(?<=[a-z])(?=[A-Z])", " ", name)
    return [word for word in re.split(r"[^a-z0-9@]+", name.lower()) if word]


def role_of(name: str) -> Role:
    """What a column's name means; `Quantity.OTHER` where that cannot be told."""
    said = words(name)
    joined = "".join(said)
    rest = [word for word in said if word not in SPLITS]
    split = next((SPLITS[word] for word in said if word in SPLITS), "")
    if not split:
        split, rest = _glued_split(rest)
    if "lr" in rest or "learningrate" in joined:
        return Role(Quantity.LR)
    if "grad" in joined and "norm" in joined:
        return Role(Quantity.GRAD_NORM)
    grain = "step" if rest and rest[-1] == "step" else "epoch" if rest and rest[-1] == "epoch" else ""
    spread = any(word in SPREADS for word in rest)
    if _measures(rest):
        return dataclasses.replace(_measured(rest, split), grain=grain, is_spread=spread)
    if any(word in TIMES for word in rest) or "persecond" in joined or "persec" in joined:
        return Role(Quantity.TIME)
    left = [word for word in rest if word not in NOISE - {"step", "epoch"}]
    if (left and set(left) <= STEPS) or joined in ("globalstep", "numupdates", "niter"):
        return Role(Quantity.STEP)
    if left and set(left) <= EPOCHS:
        return Role(Quantity.EPOCH)
    if left and left[0] in RUNS and set(left) <= RUNS | {"id", "name"}:
        return Role(Quantity.RUN)
    return Role(Quantity.OTHER, split, " ".join(left))


def _glued_split(rest: list[str]) -> tuple[str, list[str]]:
    """trainloss, valacc, testerr: a split glued to a quantity."""
    for at, word in enumerate(rest):
        for prefix, split in SPLITS.items():
            tail = word.removeprefix(prefix)
            if len(prefix) > 2 and tail != word and tail in LOSSES | ACCURACIES | HIGHER | LOWER:
                return split, [*rest[:at], tail, *rest[at + 1 :]]
    return "", rest


def _measures(rest: list[str]) -> bool:
    return any(word in LOSSES | ACCURACIES | HIGHER | LOWER - {"rate"} for word in rest) or {"cross", "entropy"} <= set(
        rest
    )


def _measured(rest: list[str], split: str) -> Role:
    known = set(rest)
    extra = [word for word in rest if word not in NOISE | SPREADS | LOSSES | ACCURACIES and word not in EPOCHS]
    if known & ACCURACIES or {"top", "1"} <= known:
        plain = [
            w for w in extra if w not in ("categorical", "sparse", "binary", "top", "1", "k", "rate", "classification")
        ]
        return Role(Quantity.METRIC, split, " ".join([*plain, "accuracy"]))
    if "loss" in known or "losses" in known or known & LOSSES or {"cross", "entropy"} <= known:
        part = [w for w in extra if w not in ("cross", "entropy", "categorical", "sparse", "binary", "softmax", "nll")]
        return Role(Quantity.LOSS, split, " ".join(part))
    extra = ["error" if word in ("err", "err1") else word for word in extra if word not in ("rate", "top1", "1", "top")]
    return Role(Quantity.METRIC, split, " ".join(extra) or "metric")
