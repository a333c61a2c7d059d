"""Checks a document against goodfit's JSON Schemas: `from schemas import assert_valid` in any test."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from jsonschema import Draft202012Validator

from goodfit import schemas


def faults(document: Mapping[str, Any], name: str) -> list[str]:
    """What is wrong with the document, a line a fault, each beginning with its place ("steps/0/verdict: ...")."""
    text = json.dumps(document, allow_nan=False)  # ValueError: not-a-number must be null by now
    found = Draft202012Validator(schemas.load(name)).iter_errors(json.loads(text))
    return sorted(f"{'/'.join(map(str, fault.absolute_path))}: {fault.message}" for fault in found)


def assert_valid(document: Mapping[str, Any], name: str) -> None:
    """Fail unless the document is what the schema of this name ("result", "doctor", "diagnose") says."""
    found = faults(document, name)
    assert not found, f"not a valid {name} document:\n" + "\n".join(found)
