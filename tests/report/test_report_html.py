"""The static report: self-contained, complete, safe, small, and the same for the same snapshot."""

from __future__ import annotations

import dataclasses
import html.parser
import json
import math
import pickle
import re
from typing import Any

import numpy as np
import pytest
from digit_studies import digits_study, large_study, shortened
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from goodfit.errors import FolderError
from goodfit.findings import Finding
from goodfit.ledger.records import CurveRecord, FindingRecord, Snapshot, StageRecord, TrialRecord
from goodfit.report.html import render, write_report

VOID = {"meta", "br", "hr", "img", "input", "link", "source", "col"}


class Page(html.parser.HTMLParser):
    """A page read strictly: every element closed, ids unique; its elements with attributes, and its visible text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.raw: list[tuple[str, str]] = []  # what stands in script and style
        self.words: list[str] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()
        assert not self.open, f"left open: {self.open}"
        ids = [attributes["id"] for _, attributes in self.elements if "id" in attributes]
        assert len(ids) == len(set(ids)), "an id stands twice"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag, f"</{tag}> closes another element at {self.getpos()}"

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] in ("script", "style"):
            self.raw.append((self.open[-1], data))
        else:
            self.words.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.words))

    def tags(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.fixture(scope="module")
def study() -> Snapshot:
    return digits_study()


@pytest.fixture(scope="module")
def page(study: Snapshot) -> Page:
    return Page(render(study))


def test_nothing_is_fetched_from_anywhere(page: Page) -> None:
    for tag, attributes in page.elements:
        assert tag not in ("link", "iframe", "object", "embed", "base", "img")
        for name in ("src", "href", "xlink:href", "srcset", "action", "data", "poster"):
            assert (attributes.get(name) or "#").startswith(("#", "data:")), (tag, attributes)
        for value in attributes.values():
            assert not re.search(r"url\((?!#)", value or "")
    for _, text in page.raw:
        assert not re.search(r"@import|url\(|fetch\(|XMLHttpRequest|WebSocket|EventSource|https?:", text)


def test_the_browser_is_told_to_fetch_nothing(page: Page) -> None:
    policies = [m["content"] for m in page.tags("meta") if m.get("http-equiv") == "Content-Security-Policy"]
    assert len(policies) == 1
    assert "default-src 'none'" in (policies[0] or "")


def test_anchors_lead_somewhere(page: Page) -> None:
    ids = {attributes["id"] for _, attributes in page.elements if "id" in attributes}
    links = [(a["href"] or "").removeprefix("#") for a in page.tags("a")]
    assert len(links) > 7
    assert set(links) <= ids
    clips = {str(g["clip-path"])[5:-1] for g in page.tags("g") if "clip-path" in g}
    assert clips
    assert clips <= ids


def test_the_same_snapshot_gives_the_same_page(study: Snapshot) -> None:
    assert render(study) == render(pickle.loads(pickle.dumps(study)))


def test_the_top_says_what_was_reached_and_how_to_repeat_it(page: Page, study: Snapshot) -> None:
    top = page.text[:1600]
    best = study.memos["result"]["best"]
    assert f"{best['val']['accuracy']:.4g}" in top
    assert f"± {best['spread']:.2g} over 3 seeds" in top
    assert "95 % interval 0.9402 to 0.9751" in top
    assert "of a budget of 2 min 00 s" in top
    assert "goodfit run examples/digits.py --budget 2m --seed 0" in top
    assert "CPU, 2 cores (AMD EPYC)" in top


def test_every_step_has_its_verdict_and_sentence(page: Page, study: Snapshot) -> None:
    for stage in study.stages:
        assert stage.summary in page.text
    assert page.text.count("passed with a warning") == 1
    assert "not reached" not in page.text


def test_findings_show_message_action_and_figures(page: Page, study: Snapshot) -> None:
    for record in study.findings:
        assert record.finding.message in page.text
        assert record.finding.action in page.text
    assert page.text.index("0.21") > page.text.index("gap nats") > 0


def test_every_trial_stands_in_the_table_with_its_reason(page: Page, study: Snapshot) -> None:
    rows = [r for r in page.tags("tr") if "data-t" in r]
    assert sorted(int(r["data-t"] or -1) for r in rows) == [t.trial for t in study.trials]
    diverged = [t for t in study.trials if t.status == "diverged"]
    assert diverged
    for trial in diverged:
        assert page.text.count(trial.reason) >= 2  # in the list below the curves, and in the table


def test_exactly_the_best_row_is_marked(page: Page, study: Snapshot) -> None:
    marked = [r["data-t"] for r in page.tags("tr") if "best" in (r.get("class") or "").split()]
    chosen = study.memos["result"]["best"]["hyperparameters"]
    same = [t for t in study.trials if t.hyperparameters == chosen]
    assert marked == [str(max(same, key=lambda t: t.objective or 0.0).trial)]


def test_all_competing_trials_are_drawn_in_the_overlay(study: Snapshot) -> None:
    text = render(study)
    overlay = text[text.index('id="overlays"') : text.index("trials diverged or failed")]
    first = overlay[: overlay.index('data-view="1"')]
    drawn = set(re.findall(r'<(?:polyline|path)[^>]*data-t="(\d+)"', first))
    assert drawn == {str(t.trial) for t in study.trials if t.stage >= 4}


def test_the_views_of_a_search_are_all_there(page: Page) -> None:
    for seen in (
        "Learning rate: up to 3e-4 nothing happens, 0.1 was chosen, above 1 training is not stable",
        "trials with adamw: learning rate",
        "trials with sgd: learning rate",
        "Weight decay: best at",
        "Optimizer: best at",
        "Best so far: val accuracy",
        "Update/weight ratios of trial",
        "The best trials crowd the upper end of width, 64.",
        "lr (optimizer sgd) 0.001 to 1 (log) 0.02 to 0.2 (log)",
    ):
        assert seen in page.text, seen


def test_no_drawing_holds_a_number_that_is_none(study: Snapshot) -> None:
    svgs = re.findall(r"<svg.*?</svg>", render(study), flags=re.S)
    assert len(svgs) > 15
    for svg in svgs:
        attributes = re.findall(r'(?:points|d|x|y|cx|cy|x1|x2|y1|y2|width|height)="([^"]*)"', svg)
        assert attributes
        assert not [a for a in attributes if re.search(r"nan|inf|None|e[+-]\d", a)]


def test_the_script_reads_every_trial(page: Page, study: Snapshot) -> None:
    (data,) = (json.loads(text) for kind, text in page.raw if kind == "script" and text.startswith("{"))
    assert set(data["trials"]) == {str(t.trial) for t in study.trials}
    assert data["colours"][0]["name"] == "lr"
    for colour in data["colours"]:
        assert all(colour["labels"][kind] for kind in colour["classes"].values())


HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(1)>\"'&</style>{{ 7*7 }}"


def test_text_from_outside_stays_text(study: Snapshot) -> None:
    plain = Page(render(study))
    t = dataclasses.replace(
        study.trials[-1], hyperparameters={**study.trials[-1].hyperparameters, HOSTILE: HOSTILE}, reason=HOSTILE
    )
    finding = dataclasses.replace(
        study.findings[0].finding, message=HOSTILE, action=HOSTILE, evidence={HOSTILE: [HOSTILE]}, where=HOSTILE
    )
    hostile = dataclasses.replace(
        study,
        study=dataclasses.replace(study.study, task=HOSTILE, command=HOSTILE, source=HOSTILE, device=HOSTILE),
        trials=(*study.trials[:-1], t),
        stages=(
            *study.stages[:-1],
            dataclasses.replace(study.stages[-1], summary=HOSTILE, evidence={HOSTILE: HOSTILE}),
        ),
        findings=(dataclasses.replace(study.findings[0], finding=finding), *study.findings[1:]),
        decisions=(dataclasses.replace(study.decisions[0], what=HOSTILE, why=HOSTILE, after={HOSTILE: HOSTILE}),),
    )
    page = Page(render(hostile))
    for tag in ("script", "style", "img"):
        assert len(page.tags(tag)) == len(plain.tags(tag))
    assert not [name for _, attributes in page.elements for name in attributes if name.startswith("on")]
    assert page.text.count("alert(1)") > 10
    assert "49" not in page.text.split("alert(1)")[1][:40]


def test_passwords_are_not_passed_on(study: Snapshot) -> None:
    address = "postgresql://me:s3cret@db.example/runs"
    record = dataclasses.replace(study.study, command=f"goodfit run t.py --db {address}", options={"db": address})
    text = render(dataclasses.replace(study, study=record))
    assert "s3cret" not in text
    assert "postgresql://me:***@db.example/runs" in text


@pytest.mark.parametrize("stages", range(10))
@pytest.mark.parametrize("status", ["running", "interrupted"])
def test_a_run_cut_short_anywhere_has_a_report(study: Snapshot, stages: int, status: str) -> None:
    page = Page(render(shortened(study, stages, status)))
    assert page.text.count("not reached") == 9 - min(stages, 9)
    assert ("unfinished" if status == "running" else "interrupted") in page.text[:400]
    assert len([r for r in page.tags("tr") if "data-t" in r]) == sum(t.stage < stages for t in study.trials)


def test_a_stage_under_way_is_shown_as_such(study: Snapshot) -> None:
    short = shortened(study, 4, "running")
    under_way = StageRecord(number=4, stage="coarse", round=1, verdict="")
    assert "under way" in Page(render(dataclasses.replace(short, stages=(*short.stages, under_way)))).text


def test_a_run_stopped_at_a_step_says_at_which_and_why(study: Snapshot) -> None:
    why = "20 samples cannot be learned at any of 5 rates."
    short = shortened(study, 3, "stopped", {"version": 1, "status": "stopped", "best": {}, "seconds": 3.1})
    failed = dataclasses.replace(short.stages[2], verdict="fail", summary=why)
    page = Page(render(dataclasses.replace(short, stages=(*short.stages[:2], failed))))
    assert f"The recipe stopped at overfit. {why}" in page.text[:600]
    assert "No trial of the search has a curve yet." in page.text
    assert page.text.count("not reached") == 6


def test_a_check_says_that_it_passed_and_promises_no_search(study: Snapshot) -> None:
    short = shortened(study, 4, "done")
    options = {**short.study.options, "only_checks": True}
    text = Page(render(dataclasses.replace(short, study=dataclasses.replace(short.study, options=options)))).text
    assert "The first three steps" in text
    assert "a search may begin" in text
    assert "not reached" not in text
    assert "no trial ended with a result" not in text


def test_a_study_with_no_record_at_all_has_a_report(study: Snapshot) -> None:
    empty = dataclasses.replace(
        study,
        stages=(),
        trials=(),
        curves={},
        findings=(),
        decisions=(),
        memos={},
        study=dataclasses.replace(study.study, versions={}, source="", space={}, settings={}, options={}),
    )
    page = Page(render(empty))
    assert "The run is done; no trial ended with a result that counts." in page.text
    assert "No trial has been started." in page.text


def test_when_all_trials_diverge_none_is_called_best(study: Snapshot) -> None:
    bad = tuple(dataclasses.replace(t, status="diverged", objective=None, reason="nan at step 3") for t in study.trials)
    page = Page(render(dataclasses.replace(study, trials=bad, memos={})))
    assert not [r for r in page.tags("tr") if "best" in (r.get("class") or "").split()]
    assert "26 of 26 trials diverged or failed" in page.text


def test_a_smaller_loss_is_better_where_the_objective_says_so(study: Snapshot) -> None:
    trials = tuple(
        dataclasses.replace(t, objective=t.metrics["val_loss"] if t.objective is not None else None)
        for t in study.trials
    )
    record = dataclasses.replace(study.study, objective="min val loss")
    page = Page(render(dataclasses.replace(study, study=record, trials=trials, memos={})))
    (marked,) = [r["data-t"] for r in page.tags("tr") if "best" in (r.get("class") or "").split()]
    competing = [t for t in trials if t.stage >= 4 and t.objective is not None]
    assert int(marked or -1) == min(competing, key=lambda t: t.objective or 0.0).trial


def test_three_hundred_trials_stay_small(tmp_path: Any) -> None:
    path = write_report(large_study(300, 100), tmp_path / "deep" / "report.html")
    assert 300_000 < path.stat().st_size < 3_000_000
    page = Page(path.read_text(encoding="utf-8"))
    assert len([r for r in page.tags("tr") if "data-t" in r]) == 300


def test_a_place_that_cannot_be_written_is_named(study: Snapshot, tmp_path: Any) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(FolderError, match=r"file/report\.html"):
        write_report(shortened(study, 0, "running"), tmp_path / "file" / "report.html")


numbers = st.floats(allow_nan=True, allow_infinity=True)
values = st.one_of(st.none(), st.booleans(), st.integers(-10, 10), numbers, st.text(max_size=8))
jsons = st.recursive(
    values, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4)
)
spaces = st.dictionaries(
    st.sampled_from(["lr", "weight_decay", "momentum", "width", "act"]),
    st.fixed_dictionaries(
        {"scale": st.sampled_from(["log", "linear", "reverse_log", "powers_of_two", "integer", "logit", "choice"])},
        optional={"low": numbers, "high": numbers, "values": st.lists(values, max_size=3)},
    ),
    max_size=4,
)


@st.composite
def snapshots(draw: st.DrawFn) -> Snapshot:
    """Studies with any numbers in any place, as a ledger could hold them."""
    base = digits_study()
    names = ["data", "initial-loss", "overfit", "learning-rate", "coarse", "fine", "final", "other"]
    stages = [
        StageRecord(
            number=i,
            stage=draw(st.sampled_from(names)),
            round=draw(st.integers(1, 3)),
            verdict=draw(st.sampled_from(["pass", "warn", "fail", "skip", ""])),
            summary=draw(st.text(max_size=10)),
            evidence=draw(
                st.fixed_dictionaries(
                    {},
                    optional={
                        "ladder": st.lists(
                            st.fixed_dictionaries({"lr": values, "class": values, "drop": values}), max_size=3
                        ),
                        "lr_star": values,
                        "lr_max": values,
                        "flat_low": values,
                        "test_interval": jsons,
                        "more": jsons,
                    },
                )
            ),
            space=draw(spaces),
        )
        for i in range(draw(st.integers(0, 4)))
    ]
    trials, curves = [], {}
    for i in range(draw(st.integers(0, 6))):
        hyper = st.dictionaries(
            st.sampled_from(["lr", "weight_decay", "momentum", "width", "act", "optimizer"]), values
        )
        trials.append(
            TrialRecord(
                trial=i,
                stage=draw(st.integers(0, 4)),
                hyperparameters=draw(hyper),
                seed=0,
                status=draw(
                    st.sampled_from(["queued", "running", "done", "stopped", "diverged", "failed", "interrupted"])
                ),
                epochs=draw(st.floats(0, 1e3)),
                objective=draw(st.none() | numbers),
                metrics=draw(st.dictionaries(st.sampled_from(["val_loss", "val_accuracy"]), st.none() | numbers)),
            )
        )
        known = draw(
            st.sets(
                st.sampled_from(["step_loss", "val_loss", "train_accuracy", "val_accuracy", "lr", "update_ratio/w"])
            )
        )
        curves[i] = {}
        for name in sorted(known):
            ys = draw(st.lists(numbers, max_size=5))
            at = np.arange(len(ys))
            curves[i][name] = CurveRecord(
                trial=i, series=name, steps=at, epochs=at / 3, values=np.array(ys, dtype=float)
            )
    result = draw(
        st.none()
        | st.fixed_dictionaries({"status": values, "best": st.fixed_dictionaries({"val": jsons, "test": jsons})})
    )
    return dataclasses.replace(
        base,
        study=dataclasses.replace(
            base.study,
            objective=draw(st.sampled_from(["max val accuracy", "min val loss", ""])),
            space=draw(spaces),
            status=draw(st.sampled_from(["running", "done", "stopped", "interrupted"])),
        ),
        stages=tuple(stages),
        trials=tuple(trials),
        curves=curves,
        findings=(),
        decisions=(),
        memos={} if result is None else {"result": result},
    )


@given(snapshots())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_any_study_has_a_well_formed_report(snapshot: Snapshot) -> None:
    text = render(snapshot)
    page = Page(text)
    assert len([r for r in page.tags("tr") if "data-t" in r]) == len(snapshot.trials)
    for points in re.findall(r'points="([^"]*)"', text):
        assert all(math.isfinite(float(part)) for part in re.split(r"[ ,]", points))


def test_one_kind_about_many_trials_is_one_card_with_the_others_folded_behind_it(study: Snapshot) -> None:
    trials = [record.trial for record in study.trials][:3]
    healthy = [
        FindingRecord(stage=0, finding=Finding(kind="healthy", message=f"Sound {n}.", action="Go on."), trial=n)
        for n in trials
    ]
    page = render(dataclasses.replace(study, findings=healthy))
    assert page.count("the same of 2 others") == 1
    assert all(f"Sound {n}." in page for n in trials)
