"""The document for programs: all that a judgement holds, and no number that JSON has not."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import Any

import pytest

from ebmbench.gate.formats.document import VERSION, written
from ebmbench.gate.formats.wording import sentence
from ebmbench.gate.verdicts import Finding, Judgement, Verdict
from tests.judgements import EMPTY, EVIL, FEW, FULL, HOSTILE, LONGER, UNTOUCHED


def read(judgement: Judgement) -> Any:
    """Strictly: NaN and Infinity are no JSON."""

    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    return json.loads(written(judgement), parse_constant=refuse)


def test_all_is_in_it() -> None:
    found = read(FULL)
    assert len(found.pop("findings")) == len(FULL.findings)
    assert found == {
        "version": VERSION,
        "suite": "toy2d",
        "base": "main (4177ab9)",
        "head": "4c8a8b9 with changes",
        "machine": "2 cores, Linux",
        "verdict": "regressed",
        "exit_code": 3,
        "conclusion": "regressed: 4 regressed, 3 undecided, 2 better, 3 same (exit code 3)",
        "seconds": 200.4,
        "untouched": ["cd_k", "gmm"],
        "notes": ["The tree has changes that are not committed."],
        "commands": ["ebmbench compare a b", "ebmbench report toy2d"],
    }


def test_a_finding_is_written_whole() -> None:
    (found,) = read(replace(EMPTY, findings=(LONGER,)))["findings"]
    assert found == {
        "method": "nce",
        "measure": "time",
        "name": "step",
        "verdict": "regressed",
        "change": 1.052,
        "low": 1.031,
        "high": 1.07,
        "limit": 1.03,
        "pairs": 14,
        "more": None,
        "base": None,
        "head": None,
        "why": "",
        "sentence": sentence(LONGER),
    }


def test_it_has_every_field_of_a_finding_and_of_a_judgement() -> None:
    """One that is added later is seen."""
    found = read(FULL)
    assert set(Judgement.__dataclass_fields__) <= set(found)
    assert set(Finding.__dataclass_fields__) <= set(found["findings"][0])


def test_ends_that_are_not_bounded_are_null() -> None:
    (found,) = read(replace(EMPTY, findings=(FEW,)))["findings"]
    assert (found["low"], found["high"], found["more"]) == (None, None, 6)


@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan])
def test_no_number_is_infinite_or_none_at_all(value: float) -> None:
    odd = Finding(**{**vars(LONGER), **dict.fromkeys(("change", "low", "high", "limit", "base", "head"), value)})
    (found,) = read(replace(EMPTY, findings=(odd,), seconds=0.0))["findings"]
    assert {found[name] for name in ("change", "low", "high", "limit", "base", "head")} == {None}


def test_nothing_to_say_and_names_as_they_are() -> None:
    assert (read(EMPTY)["findings"], read(EMPTY)["verdict"], read(EMPTY)["exit_code"]) == ([], Verdict.SAME, 0)
    assert read(UNTOUCHED)["untouched"] == list(UNTOUCHED.untouched)
    assert read(HOSTILE)["suite"] == EVIL
    assert written(HOSTILE).isascii(), "whatever the encoding of the file, and whatever the name"
