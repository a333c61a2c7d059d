"""The three documents' JSON Schemas, against documents that are right and documents that are wrong in one place."""

from __future__ import annotations

import copy
import math
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from goodfit import schemas
from goodfit.findings import KINDS, Finding
from goodfit.recipe.result import StageName, StageResult, Verdict
from schemas import assert_valid, faults

FINDING = Finding(
    kind="missing-zero-grad",
    message="Gradients pile up.",
    action="Call zero_grad.",
    evidence={
        "ratio": math.nan,
        "experiment": {"remedy": "zero_grad", "metric": "loss", "without": 2.3, "with": 0.4, "seeds": 3},
    },
    where="train.py:41",
    confidence=0.97,
).as_json()

RESULT: dict[str, Any] = {
    "version": 1,
    "task": "digits",
    "seed": 0,
    "status": "done",
    "steps": [
        StageResult(
            stage=StageName.COARSE,
            verdict=Verdict.WARN,
            summary="64 trials.",
            findings=(Finding(kind="best-on-border", message="m", action="a"),),
            evidence={"best": math.inf},
            trials=64,
            epochs=128.0,
            seconds=12.3,
            space={"lr": {"scale": "log", "low": 1e-4, "high": 0.1}, "optimizer": {"scale": "choice", "values": [1]}},
        ).as_json()
    ],
    "best": {
        "hyperparameters": {"lr": 0.1, "optimizer": "sgd"},
        "val": {"loss": 0.1, "accuracy": 0.97},
        "test": {"loss": None},
        "seeds": 5,
        "spread": 0.001,
        "variant": "averaged",
    },
    "findings": [FINDING],
    "trials": 64,
    "epochs": 128.0,
    "seconds": 12.3,
}
DOCTOR = {"version": 1, "script": "train.py", "findings": [FINDING]}
DIAGNOSE = {"version": 1, "file": "curves.csv", "findings": []}
DOCUMENTS: dict[str, dict[str, Any]] = {"result": RESULT, "doctor": DOCTOR, "diagnose": DIAGNOSE}


@pytest.mark.parametrize("name", schemas.NAMES)
def test_a_schema_is_itself_valid_and_accepts_its_document(name):
    Draft202012Validator.check_schema(schemas.load(name))
    assert_valid(DOCUMENTS[name], name)


@pytest.mark.parametrize("name", schemas.NAMES)
def test_every_key_of_a_document_is_required(name):
    for key in DOCUMENTS[name]:
        assert faults({k: v for k, v in DOCUMENTS[name].items() if k != key}, name), key


@pytest.mark.parametrize("name", schemas.NAMES)
def test_the_kinds_are_those_of_the_vocabulary(name):
    finding = schemas.load(name)["$defs"]["finding"]
    assert finding["properties"]["kind"]["enum"] == list(KINDS)
    assert finding["properties"]["follows_from"]["enum"] == list(KINDS)
    assert finding == schemas.load("result")["$defs"]["finding"]


def test_the_kinds_of_a_step_and_its_names_are_the_recipe_s():
    step = schemas.load("result")["$defs"]["step"]["properties"]
    assert step["findings"]["items"]["enum"] == list(KINDS)
    assert step["step"]["enum"] == [str(name) for name in StageName]
    assert step["verdict"]["enum"] == [str(verdict) for verdict in Verdict]


@pytest.mark.parametrize("kind", sorted(KINDS))
@pytest.mark.parametrize("severity", ["error", "warning", "info"])
def test_a_finding_is_at_most_as_severe_as_its_kind(kind, severity):
    ranks = ["error", "warning", "info"]
    document = {**DOCTOR, "findings": [{**FINDING, "kind": kind, "severity": severity}]}
    allowed = ranks.index(severity) >= KINDS[kind].severity.rank
    assert (faults(document, "doctor") == []) == allowed


def test_a_consequence_is_info():
    consequence = {**FINDING, "follows_from": "no-shuffle"}
    assert faults({**DOCTOR, "findings": [consequence]}, "doctor")
    assert_valid({**DOCTOR, "findings": [{**consequence, "severity": "info"}]}, "doctor")


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "no-such-kind"},
        {"severity": "fatal"},
        {"confidence": 1.5},
        {"message": ""},
        {"evidence": [1]},
        {"where": None},
        {"extra": 1},
        {"evidence": {"experiment": {"remedy": "zero_grad"}}},
    ],
    ids=str,
)
def test_a_finding_that_is_wrong_in_one_place_is_refused(change):
    assert faults({**DOCTOR, "findings": [{**FINDING, **change}]}, "doctor")


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (["version"], 2),
        (["status"], "finished"),
        (["seed"], "0"),
        (["trials"], -1),
        (["trials"], 1.5),
        (["epochs"], None),
        (["best", "variant"], "best"),
        (["best", "seeds"], 0),
        (["best", "val", "loss"], "low"),
        (["best", "spread"], -0.1),
        (["steps", 0, "step"], "search"),
        (["steps", 0, "verdict"], "ok"),
        (["steps", 0, "round"], 0),
        (["steps", 0, "findings"], ["nonsense"]),
        (["steps", 0, "space"], {"lr": {"low": 1, "high": 2}}),
        (["steps", 0, "space"], {"lr": {"scale": "log", "low": 1}}),
    ],
    ids=str,
)
def test_a_result_that_is_wrong_in_one_place_is_refused(path, value):
    document = copy.deepcopy(RESULT)
    place: Any = document
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    assert any(fault.startswith("/".join(map(str, path))) for fault in faults(document, "result"))


def test_a_run_that_stopped_early_has_no_best():
    assert_valid({**RESULT, "status": "stopped", "best": None}, "result")


def test_not_a_number_is_refused_before_any_schema():
    with pytest.raises(ValueError, match="JSON"):
        faults({**RESULT, "seconds": math.nan}, "result")


def test_an_unknown_name_of_a_schema_is_refused_with_the_names_there_are():
    with pytest.raises(ValueError, match="result, doctor, diagnose"):
        schemas.load("nonsense")
