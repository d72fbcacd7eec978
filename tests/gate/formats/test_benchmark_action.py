"""What github-action-benchmark reads, by the fields of its own type."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator

from ebmbench.gate.formats.benchmark_action import written
from ebmbench.gate.formats.wording import sentence
from ebmbench.gate.verdicts import Judgement, compared
from tests.judgements import EMPTY, FEW, FULL, HOSTILE, LONGER, UNTOUCHED

SCHEMA = Draft7Validator(json.loads(Path(__file__).with_name("benchmark_action.schema.json").read_text()))


def read(judgement: Judgement) -> Any:
    found = json.loads(written(judgement))
    SCHEMA.validate(found)
    return found


def test_a_number_a_finding_with_its_unit() -> None:
    counter = compared("nce", "gradient_rows", 2560, 5120)
    found = read(replace(EMPTY, findings=(counter, LONGER, FEW)))
    assert found == [
        {
            "name": "gate: regressed",
            "unit": "findings",
            "value": 2,
            "extra": "regressed: 2 regressed, 1 undecided (exit code 3)",
        },
        {"name": "nce: work gradient_rows", "unit": "counted", "value": 5120, "extra": sentence(counter)},
        {
            "name": "nce: time step",
            "unit": "times base",
            "value": 1.052,
            "range": "+5.2 % [+3.1, +7.0]",
            "extra": sentence(LONGER),
        },
        {"name": "pcd: time step", "unit": "times base", "value": 0.97, "extra": sentence(FEW)},
    ]


def test_names_are_different() -> None:
    """The action finds the number of an earlier commit by it."""
    names = [entry["name"] for entry in read(FULL)]
    assert len(set(names)) == len(names) == 1 + len(FULL.findings) - 1, (
        "the first, and all but the one without a number"
    )


@pytest.mark.parametrize("judgement", [EMPTY, UNTOUCHED])
def test_the_action_is_never_given_an_empty_list(judgement: Judgement) -> None:
    """It would fail."""
    assert [(entry["name"], entry["value"]) for entry in read(judgement)] == [("gate: regressed", 0)]


def test_no_name_ends_the_code_or_the_cell_that_the_action_puts_it_in() -> None:
    found = read(HOSTILE)
    assert all(entry["name"].isprintable() and entry["extra"].isprintable() for entry in found)
    assert not [entry for entry in found for mark in "`|" if mark in entry["name"] + entry.get("range", "")]
    assert {entry["unit"] for entry in found} == {"findings", "times base", "counted"}


@pytest.mark.parametrize("wrong", [[], {}, [{"name": "a", "unit": "s"}], [{"name": "a", "unit": "s", "value": "1"}]])
def test_the_schema_sees_what_is_wrong(wrong: object) -> None:
    assert not SCHEMA.is_valid(wrong)
