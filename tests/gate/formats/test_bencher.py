"""Bencher's format, by its published schema."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator

from ebmbench.gate.formats.bencher import written
from ebmbench.gate.verdicts import Judgement, compared
from tests.judgements import CRASHED, EMPTY, FULL, HOSTILE, LONGER, UNTOUCHED

SCHEMA = Draft7Validator(json.loads(Path(__file__).with_name("bmf.schema.json").read_text()))


def read(judgement: Judgement) -> Any:
    found = json.loads(written(judgement))
    SCHEMA.validate(found)
    return found


def test_a_benchmark_a_method_and_a_number_a_measure() -> None:
    found = read(FULL)
    assert found == {
        "nce": {
            "work energy_rows": {"value": 2560},
            "work gradient_rows": {"value": 5120},
            "work aten": {"value": 812},
            "time step": {"value": 1.052, "lower_value": 1.031, "upper_value": 1.07},
            "quality kl": {"value": 0.998, "lower_value": 0.96, "upper_value": 1.0004},
        },
        "dsm": {
            "work peak_bytes": {"value": 2048},
            "quality kl": {"value": 0.8, "lower_value": 0.7, "upper_value": 0.89},
            "time step": {"value": 1.021, "lower_value": 0.995, "upper_value": 1.05},
        },
        "pcd": {"work aten": {"value": 3}, "time step": {"value": 0.97}},
        "gan": {"outcome failed": {"value": 2}},
    }


@pytest.mark.parametrize("judgement", [EMPTY, UNTOUCHED, replace(EMPTY, findings=(replace(LONGER, change=math.inf),))])
def test_nothing_measured_is_an_empty_object(judgement: Judgement) -> None:
    assert read(judgement) == {}


def test_names_are_of_lengths_that_the_server_takes() -> None:
    long = read(replace(EMPTY, findings=(compared("é" * 3000, "m" * 3000, 1, 2), replace(CRASHED, method=""))))
    assert [len(name.encode()) for name in long] == [1024, 1]
    assert len(next(iter(long["é" * 512]))) == 64
    assert set(long["-"]) == {"outcome failed"}
    (hostile, empty) = read(HOSTILE)
    assert hostile.isprintable()
    assert empty == "-"


@pytest.mark.parametrize(
    "wrong",
    [[], {"": {}}, {"nce": {"time": {}}}, {"nce": {"time": {"value": "1"}}}, {"nce": {"time": {"value": None}}}],
)
def test_the_schema_sees_what_is_wrong(wrong: object) -> None:
    assert not SCHEMA.is_valid(wrong)
