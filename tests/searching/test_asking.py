"""gf.ask: a question over a function and over a task, from Python and from the command line."""

import json

import pytest

import goodfit as gf
from goodfit.cli.main import main

SPACE = gf.Space(x=gf.linear(0.0, 1.0), kind=gf.choice("plain", "shifted", "worse"))


def objective(trial):
    """Each kind has its own best x; "worse" never gets below 1."""
    best = {"plain": 0.2, "shifted": 0.8, "worse": 0.5}[trial.kind]
    return (trial.x - best) ** 2 + (trial.kind == "worse")


def test_a_question_over_a_function_is_answered_and_kept(tmp_path):
    asked = gf.ask(objective, "kind", SPACE, trials=45, out=tmp_path / "asked")
    assert asked.answer.worse == ("worse",)
    assert set(asked.answer.equal) < {"plain", "shifted"}
    assert len(asked.study.trials) == 45
    kept = json.loads((tmp_path / "asked" / "answer.json").read_text())
    assert kept["answer"] == asked.sentence
    assert kept["caveats"] == ["Nothing that goodfit knows of was left fixed.", "Tuned anew for each value: x."]


def test_a_score_to_be_maximised_is_told_as_it_is(tmp_path):
    asked = gf.ask(lambda trial: 1 - objective(trial), "kind", SPACE, trials=30, direction="max", out=tmp_path / "o")
    assert asked.answer.worse == ("worse",)
    assert asked.answer.best.level == pytest.approx(-1.0, abs=0.05)
    assert "-0.9" not in asked.sentence


def test_what_a_question_cannot_take_is_said(tmp_path):
    with pytest.raises(gf.SettingsError, match="ask has no strategy"):
        gf.ask(objective, "kind", SPACE, strategy="random")
    with pytest.raises(gf.SettingsError, match="12 in all; got 6"):
        gf.ask(objective, "kind", SPACE, trials=6)
    with pytest.raises(gf.SpaceError, match="no hyperparameter 'depth'"):
        gf.ask(objective, "depth", SPACE)
    with pytest.raises(gf.SpaceError, match="needs a space"):
        gf.ask(objective, "kind")
    with pytest.raises(gf.SpaceError, match="needs a hyperparameter's name after the objective, got Space"):
        gf.ask(objective, SPACE, "kind")
    with pytest.raises(gf.SpaceError, match=r"needs a space, such as gf\.Space\(.*, got dict"):
        gf.ask(objective, "kind", {"kind": ("a", "b")})


TASK = """
import torch, goodfit as gf
from torch import nn
x = torch.randn(160, 4, generator=torch.Generator().manual_seed(0))
y = (x[:, 0] > 0).long()
task = gf.Task(
    name="tiny",
    model=lambda hp: nn.Linear(4, 2),
    data=gf.Data(train=(x[:100], y[:100]), val=(x[100:], y[100:])),
    loss=nn.functional.cross_entropy,
    space=gf.Space(lr=gf.log(1e-4, 1e-1), optimizer=gf.choice("sgd", "adamw")),
    start={"batch_size": 32},
)
"""


@pytest.mark.slow
def test_a_question_is_asked_of_a_task_on_the_command_line(tmp_path, capfd, monkeypatch):
    (tmp_path / "task.py").write_text(TASK)
    monkeypatch.chdir(tmp_path)
    words = ["search", "task.py", "--question", "optimizer", "--trials", "8", "--epochs", "1", "--workers", "1"]
    assert main([*words, "--out", "asked"]) == 0
    said = capfd.readouterr().err
    assert "Which optimizer is best: sgd or adamw?" in said
    assert "batch_size = 32" in said
    kept = json.loads((tmp_path / "asked" / "answer.json").read_text())
    assert {one["trials"] for one in kept["slices"]} == {4}


def test_a_question_takes_no_strategy_on_the_command_line(tmp_path, capfd, monkeypatch):
    (tmp_path / "task.py").write_text(TASK)
    monkeypatch.chdir(tmp_path)
    assert main(["search", "task.py", "--question", "optimizer", "--strategy", "tpe"]) == 2
    assert "--question takes no --strategy" in capfd.readouterr().err
