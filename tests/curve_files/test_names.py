"""What column names of many tools mean."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from goodfit.curve_files.names import Quantity, role_of

LOSS, METRIC = Quantity.LOSS, Quantity.METRIC


@pytest.mark.parametrize(
    ("name", "quantity", "split"),
    [
        *((name, LOSS, "train") for name in ("train_loss", "Training Loss", "tr_loss", "train/loss")),
        *((name, LOSS, "train") for name in ("trainLoss", "trainloss", "train_loss_epoch", "Loss/train", "loss_train")),
        *((name, LOSS, "val") for name in ("val_loss", "valid_loss", "validation loss", "eval_loss", "dev_loss")),
        *((name, LOSS, "val") for name in ("eval/loss", "validation/loss", "Loss/Validation", "valLoss")),
        *((name, LOSS, "test") for name in ("test_loss", "Test Loss", "testing_loss")),
        *((name, LOSS, "") for name in ("loss", "Loss", "epoch_loss", "cross_entropy", "nll", "cost", "avg_loss")),
        *((name, METRIC, "val") for name in ("val_acc", "val_accuracy", "eval_accuracy", "valid_acc", "val/acc1")),
        *((name, METRIC, "train") for name in ("train_acc", "training accuracy", "train/top1", "acc_train")),
        *((name, METRIC, "") for name in ("acc", "accuracy", "sparse_categorical_accuracy", "metrics/mAP50", "f1")),
        *((name, Quantity.LR, "") for name in ("lr", "learning_rate", "Learning Rate", "lr-AdamW", "lr/pg0")),
        *((name, Quantity.STEP, "") for name in ("step", "global_step", "iteration", "iter", "_step", "Step")),
        ("trainer/global_step", Quantity.STEP, ""),
        *((name, Quantity.EPOCH, "") for name in ("epoch", "Epoch", "epochs", "ep")),
        *((name, Quantity.TIME, "") for name in ("wall_time", "time", "_timestamp", "_runtime", "eval_runtime")),
        ("eval_samples_per_second", Quantity.TIME, "val"),
        ("grad_norm", Quantity.GRAD_NORM, ""),
    ],
)
def test_spellings_of_many_tools_are_understood(name, quantity, split):
    role = role_of(name)
    assert role.quantity is quantity
    if quantity in (LOSS, METRIC):
        assert role.split == split


SPLIT_WORDS = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "eval": "val",
    "test": "test",
}
MEASURES = {"loss": LOSS, "acc": METRIC, "accuracy": METRIC, "error": METRIC, "f1": METRIC, "mse": METRIC}


@given(
    st.sampled_from(sorted(SPLIT_WORDS)),
    st.sampled_from(sorted(MEASURES)),
    st.sampled_from(["_", "/", " ", "-", ".", ": "]),
    st.booleans(),
    st.sampled_from([str.lower, str.upper, str.title]),
)
def test_order_case_and_separator_do_not_matter(split, measure, separator, split_first, case):
    parts = (split, measure) if split_first else (measure, split)
    role = role_of(case(separator.join(parts)))
    assert role.quantity is MEASURES[measure]
    assert role.split == SPLIT_WORDS[split]


@given(st.text(max_size=40))
def test_any_name_has_some_role(name):
    assert isinstance(role_of(name).quantity, Quantity)


@pytest.mark.parametrize(
    ("name", "maximise", "is_share"),
    [("val_accuracy", True, True), ("val_error", False, False), ("val_f1", True, False), ("val_rmse", False, False)],
)
def test_the_direction_of_a_metric_is_known(name, maximise, is_share):
    role = role_of(name)
    assert (role.maximise, role.is_share) == (maximise, is_share)


@pytest.mark.parametrize("name", ["val_loss__MIN", "run - val_loss__MAX", "train_loss_std", "best_val_acc"])
def test_spreads_beside_a_value_are_not_taken_for_it(name):
    assert role_of(name).is_spread
