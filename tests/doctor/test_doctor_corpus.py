"""The corpus is what its manifest says: files, kinds, families, figures."""

from __future__ import annotations

import ast
import collections
import math
from pathlib import Path
from typing import Any

import pytest
from corpus.measure import CORPUS, entries_of, is_seen, last_number, splits

from goodfit.findings import KINDS

ENTRIES: list[dict[str, Any]] = [entry for split in splits() for entry in entries_of(split)]
FAULTY = [entry for entry in ENTRIES if entry["label"] != "healthy"]
HEALTHY = [entry for entry in ENTRIES if entry["label"] == "healthy"]


def test_the_manifest_and_the_folders_hold_the_same_scripts():
    listed = [entry["file"] for entry in ENTRIES]
    there = sorted(str(path.relative_to(CORPUS)) for path in CORPUS.glob("*/*.py"))
    assert sorted(listed) == there
    assert len(set(listed)) == len(listed)
    assert all(entry["file"].startswith(entry["split"] + "/") for entry in ENTRIES)
    assert len({Path(name).name for name in listed}) == len(listed)


def test_every_label_is_a_kind_of_the_vocabulary():
    kinds = {entry["label"] for entry in ENTRIES} | {kind for entry in ENTRIES for kind in entry.get("accept", ())}
    assert kinds <= {*KINDS}, sorted(kinds - {*KINDS})


def test_every_script_can_be_parsed_and_does_not_tell_its_fault():
    for entry in ENTRIES:
        text = (CORPUS / entry["file"]).read_text()
        ast.parse(text)
        assert entry["label"] == "healthy" or entry["label"] not in text, entry["file"]


def test_a_faulty_script_and_its_mended_version_differ_and_stand_in_the_same_split():
    by_file = {entry["file"]: entry for entry in ENTRIES}
    for entry in FAULTY:
        parent = by_file[entry["parent"]]
        assert parent["label"] == "healthy"
        assert parent["split"] == entry["split"]
        assert parent["figure"] == entry["mended"]
        assert (CORPUS / entry["file"]).read_text() != (CORPUS / entry["parent"]).read_text()


def test_every_fault_is_seen_in_the_figure_or_certain_from_the_code():
    for entry in FAULTY:
        assert entry["proof"] in ("metric", "structural")
        assert entry["proof"] == "structural" or is_seen(entry), entry["file"]


def test_every_healthy_script_learns():
    for entry in HEALTHY:
        assert entry["figure"] is not None, entry["file"]
        gain = entry["figure"] - entry["chance"] if entry["better"] == "higher" else entry["chance"] - entry["figure"]
        assert gain > 0.2 * abs(entry["chance"]), entry["file"]


def test_the_corpus_is_large_enough_to_judge_by():
    assert len(FAULTY) >= 200
    assert len(HEALTHY) >= 200
    counts = collections.Counter(entry["label"] for entry in FAULTY)
    assert len(counts) >= 42
    assert min(counts.values()) >= 2


def test_the_halves_are_alike():
    counts = {
        split: collections.Counter(e["label"] for e in ENTRIES if e["split"] == split) for split in ("dev", "held")
    }
    # whoever writes a rule adds scripts to the open half: it may hold more of a kind, and not much fewer
    for kind in counts["dev"] | counts["held"]:
        dev, held = counts["dev"][kind], counts["held"][kind]
        assert held - dev <= max(3, 0.25 * (dev + held)), kind


def test_the_opened_split_is_wide_enough_to_learn_from():
    opened = collections.Counter(entry["label"] for entry in ENTRIES if entry["split"] == "opened")
    assert opened.pop("healthy") >= 45
    assert opened.total() >= 90
    assert len(opened) >= 38


def test_the_sealed_split_is_wide_enough_to_score_by():
    sealed = collections.Counter(entry["label"] for entry in ENTRIES if entry["split"] == "sealed")
    assert sealed.pop("healthy") >= 60
    assert sealed.total() >= 100
    assert len(sealed) >= 36


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("a 1\naccuracy 0.95\n\n", 0.95),
        ("loss: 2e-05", 2e-5),
        ("epoch 3 val accuracy -1.5", -1.5),
        ("loss inf", math.inf),
    ],
)
def test_the_last_number_printed_is_read(text, number):
    assert last_number(text) == number


def test_no_number_is_read_as_none():
    assert math.isnan(last_number("done with v2 of x3"))
    assert math.isnan(last_number("loss nan"))
    assert math.isnan(last_number(""))
