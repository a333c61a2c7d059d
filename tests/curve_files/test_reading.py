"""Files as tools write them, in; the same curves, out."""

from __future__ import annotations

import json
import math
import sys
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import goodfit as gf
from goodfit.curve_files.delimited import read_delimited
from goodfit.curve_files.inferred import samples_behind
from goodfit.curve_files.reading import read_columns, read_file
from goodfit.curve_files.table import number

EPOCHS = 8
TRAIN = [round(2.0 * 0.7**i + 0.1, 4) for i in range(EPOCHS)]
VAL = [round(2.0 * 0.75**i + 0.2, 4) for i in range(EPOCHS)]
RIGHT = [round(1 - 0.8 * 0.7**i, 3) for i in range(EPOCHS)]


def rows_of(*columns) -> list[tuple]:
    """Rows of equally long columns, each with its number first."""
    return [(i, *row) for i, row in enumerate(zip(*columns, strict=True), start=1)]


def written(tmp_path: Path, name: str, text: str) -> str:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return str(path)


def only_run(path: str):
    runs = read_file(path)
    assert len(runs) == 1
    return runs[0].curves


def assert_the_curves(curves, *, metric: bool = True) -> None:
    np.testing.assert_allclose(curves.train_loss.values, TRAIN)
    np.testing.assert_allclose(curves.val_loss.values, VAL)
    if metric:
        np.testing.assert_allclose(curves.val_metric.values, RIGHT)
        assert curves.best_metric == 1.0


def delimited(separator: str, header: str = "epoch train_loss val_loss val_acc") -> str:
    lines = [separator.join(header.split())]
    lines += [separator.join(map(str, row)) for row in zip(range(1, EPOCHS + 1), TRAIN, VAL, RIGHT, strict=True)]
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("separator", [",", "\t", ";", "|", " ", ", "])
def test_any_delimiter_is_found(separator, tmp_path):
    curves = only_run(written(tmp_path, "log.csv", delimited(separator)))
    assert_the_curves(curves)
    assert curves.axis == "epoch"


@pytest.mark.parametrize(
    "header",
    ["epoch loss val_loss val_accuracy", "epoch train_loss valid_loss accuracy", "Epoch tr_loss eval_loss eval_acc"],
)
def test_headers_of_keras_fastai_and_others(header, tmp_path):
    assert_the_curves(only_run(written(tmp_path, "log.csv", delimited(",", header))))


def test_a_header_after_a_hash_and_comments_are_understood(tmp_path):
    text = "# made by hand\n# " + delimited(" ")
    assert_the_curves(only_run(written(tmp_path, "log.txt", text)))


def test_a_decimal_comma_beside_semicolons(tmp_path):
    text = delimited(";").replace(".", ",")
    assert_the_curves(only_run(written(tmp_path, "log.csv", text)))


def test_percentages_and_error_rates_become_shares(tmp_path):
    rows = "".join(f"{i},{a},{b},{100 * r}\n" for i, (a, b, r) in enumerate(zip(TRAIN, VAL, RIGHT, strict=True)))
    assert_the_curves(only_run(written(tmp_path, "a.csv", "epoch,train_loss,val_loss,val_acc\n" + rows)))
    rows = "".join(f"{i},{a},{b},{1 - r}\n" for i, (a, b, r) in enumerate(zip(TRAIN, VAL, RIGHT, strict=True)))
    curves = only_run(written(tmp_path, "b.csv", "epoch,train_loss,val_loss,val_error\n" + rows))
    assert_the_curves(curves)
    assert curves.metric == "accuracy"


def test_long_format_with_and_without_a_split_column(tmp_path):
    series = {"train/loss": TRAIN, "val/loss": VAL, "val/acc": RIGHT}
    rows = [f"{i + 1},{name},{v},1.7e9" for name, values in series.items() for i, v in enumerate(values)]
    assert_the_curves(only_run(written(tmp_path, "a.csv", "step,tag,value,wall_time\n" + "\n".join(rows))))
    rows = [
        f"{i + 1},train,{t},\n{i + 1},val,{v},{r}" for i, (t, v, r) in enumerate(zip(TRAIN, VAL, RIGHT, strict=True))
    ]
    assert_the_curves(only_run(written(tmp_path, "b.csv", "epoch,phase,loss,acc\n" + "\n".join(rows))))


def test_lightnings_sparse_rows_are_joined(tmp_path):
    lines = ["epoch,step,train_loss_epoch,train_loss_step,val_acc,val_loss"]
    for i, (t, v, r) in enumerate(zip(TRAIN, VAL, RIGHT, strict=True)):
        lines += [f"{i},{50 * i + 24},,{t + 0.2},,", f"{i},{50 * i + 49},,,{r},{v}", f"{i},{50 * i + 49},{t},,,"]
    curves = only_run(written(tmp_path, "metrics.csv", "\n".join(lines)))
    assert_the_curves(curves)
    assert curves.axis == "step"
    assert curves.steps_per_epoch == 50
    assert len(curves.step_loss) == EPOCHS


def test_a_wandb_export_holds_a_run_a_column_and_their_spreads_are_left_out(tmp_path):
    names = [f"{run} - val_loss{end}" for run in ("calm-sea-1", "wild-oak-2") for end in ("", "__MIN", "__MAX")]
    lines = [",".join(f'"{name}"' for name in ("Step", *names))]
    lines += [f"{10 * i},{v},{v},{v},{v + 1},{v + 1},{v + 1}" for i, v in enumerate(VAL)]
    runs = read_file(written(tmp_path, "wandb.csv", "\n".join(lines)))
    assert [run.name for run in runs] == ["calm-sea-1", "wild-oak-2"]
    np.testing.assert_allclose(runs[1].curves.val_loss.values, np.array(VAL) + 1)


def test_a_trainer_state_of_hugging_face(tmp_path):
    history = []
    for i, (t, v, r) in enumerate(zip(TRAIN, VAL, RIGHT, strict=True), start=1):
        history.append({"epoch": float(i), "step": 100 * i, "loss": t, "learning_rate": 5e-5, "grad_norm": 1.0})
        history.append({"epoch": float(i), "step": 100 * i, "eval_loss": v, "eval_accuracy": r, "eval_runtime": 3.2})
    history.append({"epoch": 8.0, "step": 800, "train_loss": 0.7, "train_runtime": 99.0, "total_flos": 1e15})
    curves = only_run(written(tmp_path, "trainer_state.json", json.dumps({"best_metric": 1, "log_history": history})))
    np.testing.assert_allclose(curves.val_loss.values, VAL)
    np.testing.assert_allclose(curves.train_loss.values, TRAIN)
    assert curves.steps_per_epoch == 100
    assert curves.lr.values[0] == 5e-5


@pytest.mark.parametrize("wrapped", [False, True])
def test_a_keras_history_as_json(wrapped, tmp_path):
    history = {"loss": TRAIN, "val_loss": VAL, "val_accuracy": RIGHT}
    document = {"epoch": list(range(EPOCHS)), "history": history} if wrapped else history
    assert_the_curves(only_run(written(tmp_path, "history.json", json.dumps(document))))


def test_json_lines_with_a_last_line_cut_short(tmp_path):
    rows = [
        json.dumps({"epoch": i, "train": {"loss": t}, "val": {"loss": v, "acc": r}})
        for i, (t, v, r) in enumerate(zip(TRAIN, VAL, RIGHT, strict=True))
    ]
    assert_the_curves(only_run(written(tmp_path, "log.jsonl", "\n".join([*rows, '{"epoch": 8, "tr']))))
    assert_the_curves(only_run(written(tmp_path, "log.txt", "\n".join(rows))))


def test_standard_input_is_read(monkeypatch):
    monkeypatch.setattr(sys, "stdin", StringIO(delimited(",")))
    assert_the_curves(only_run("-"))


def test_columns_in_memory_frames_and_records():
    columns = {"epoch": range(1, EPOCHS + 1), "train_loss": TRAIN, "val_loss": np.array(VAL), "val_acc": RIGHT}

    class Frame:
        index = None

        def __init__(self, columns):
            self.data, self.columns = columns, list(columns)

        def __getitem__(self, name):
            return self.data[name]

        def to_dict(self):
            return self.data

    class History:
        history = columns

    for source in (
        columns,
        Frame(columns),
        History(),
        [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)],
    ):
        (run,) = read_columns(source)
        assert_the_curves(run.curves)


def test_steps_that_begin_anew_are_several_runs_and_a_restart_is_one(tmp_path):
    text = delimited(",")
    runs = read_file(written(tmp_path, "two.csv", text + text))
    assert [run.name for run in runs] == ["part 1", "part 2"]
    lines = text.splitlines()
    resumed = [*lines[:6], *lines[4:]]  # epochs 4 and 5 were trained again
    assert_the_curves(only_run(written(tmp_path, "resumed.csv", "\n".join(resumed))))


def test_a_step_that_counts_within_the_epoch_is_counted_on(tmp_path):
    rows = [f"{e},{s},{2 - 0.1 * e - 0.01 * s}" for e in range(4) for s in range(0, 50, 10)]
    curves = only_run(written(tmp_path, "log.csv", "epoch,batch,loss\n" + "\n".join(rows)))
    assert curves.steps_per_epoch == 50
    assert (np.diff(curves.train_loss.steps) > 0).all()
    assert len(curves.train_loss) == 20


def test_a_loss_that_is_written_as_nan_is_no_missing_cell(tmp_path):
    text = "epoch,train_loss,val_loss\n" + "".join(
        f"{i},{v},\n" for i, v in enumerate([2.0, 1.5, 1.2, "nan", "nan", "NaN"])
    )
    curves = only_run(written(tmp_path, "log.csv", text))
    assert np.isnan(curves.train_loss.values[3:]).all()
    assert curves.val_loss is None
    assert gf.diagnose(str(tmp_path / "log.csv"))[0].kind == "diverged"


@given(st.permutations(range(EPOCHS)))
@example([1, 2, 3, 0, 4, 5, 6, 7])
def test_the_order_of_rows_does_not_matter(order):
    (run,) = read_columns(
        {"epoch": [i + 1 for i in order], "loss": [TRAIN[i] for i in order], "val_loss": [VAL[i] for i in order]}
    )
    assert_the_curves(run.curves, metric=False)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_is_read_as_it_was_written(value):
    assert number(repr(value)) == value
    assert number(value) == value


@pytest.mark.parametrize(
    ("text", "value"), [("50%", 50.0), ("1e-3", 1e-3), ("0,5", 0.5), ("tensor(0.25)", 0.25), ("x", None)]
)
def test_numbers_as_people_write_them(text, value):
    assert number(text) == value


@given(st.integers(20, 900), st.integers(0, 10**6))
def test_the_samples_behind_shares_divide_what_they_were(samples, seed):
    counts = np.random.default_rng(seed).choice(np.arange(1, samples), 12)
    found = samples_behind(counts / samples)
    if found is not None:
        assert np.allclose(counts / samples * found, np.round(counts / samples * found), atol=1e-4)
        assert found <= samples


def test_two_columns_of_one_name_are_kept_apart():
    table = read_delimited("step,loss,loss\n1,2,3\n2,3,4\n")
    assert list(table.numbers) == ["step", "loss", "loss.1"]


@given(st.text(alphabet='01,;.\n\t {}[]":ae-', max_size=200))
def test_any_text_is_read_or_refused_in_a_sentence(text):
    from goodfit.curve_files.reading import _runs, _tables

    said = ""
    try:
        runs = _runs(_tables(text, "", "It"), None, "It")
    except gf.CurvesError as error:
        said = str(error)
    assert said.endswith(".") if said else runs


def test_a_folder_without_curves_is_told(tmp_path):
    with pytest.raises(gf.CurvesError, match=r"a folder without TensorBoard event files and without a CSV or JSON log"):
        read_file(str(tmp_path))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("epoch,loss\n1,abc\n2,def\n", r"a column loss, but it holds words, such as 'abc'"),
        ("Epoch 1/10 loss: 0.52 val_loss: 0.6\nEpoch 2/10 loss: 0.5 val_loss: 0.5\n", r"begins with 'Epoch 1/10 loss"),
    ],
)
def test_what_is_no_table_of_numbers_is_told_by_what_it_holds(tmp_path, text, said):
    with pytest.raises(gf.CurvesError, match=said):
        read_file(written(tmp_path, "a.log", text))


def test_infinity_and_percent_do_not_break_shares(tmp_path):
    rows = "".join(
        f"{i},{v},{math.inf if i == 7 else v},{r}\n" for i, (v, r) in enumerate(zip(TRAIN, RIGHT, strict=True))
    )
    curves = only_run(written(tmp_path, "a.csv", "epoch,train_loss,val_loss,val_acc\n" + rows))
    assert math.isinf(curves.val_loss.values[7])
