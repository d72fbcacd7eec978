"""Records are read back as they were written, infinite values included; and what they say of themselves."""

from __future__ import annotations

import json
import math

import pytest
from pydantic import BaseModel, ValidationError

from ebmbench.contracts.records import EnergyKind, MetricSpec, Status, Strategy
from ebmbench.identity.canonical import canonical, sha256
from ebmbench.store.records import POINT, MetricCell, Point, Revision, RunRecord, Value
from tests.factories import (
    make_attempt,
    make_cell,
    make_measurements,
    make_run,
    make_spec,
    make_training,
    make_view,
)

RECORDS: list[BaseModel] = [
    make_spec(3, params={"lr": 0.1}, metrics=(make_cell("kl", "raw", "beta"),)),
    make_training(sha256={"model.pt": "a" * 64}, device_peak_bytes=3),
    make_measurements([Value("kl", "raw", math.inf), Value("tv", "", None, "n/a: no"), Value("x", "", -math.inf)]),
    make_attempt(Status.CRASHED, signal="SIGSEGV", stderr=("one", "two")),
    make_run([make_view(), make_view("gmm", grid_point="k=1", skipped="no such device")], select={"gmm": "nll"}),
    Revision(commit="a" * 40, dirty=True),
]


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: type(record).__name__)
def test_a_record_is_read_back_as_it_was_written(record: BaseModel) -> None:
    assert type(record).model_validate_json(record.model_dump_json()) == record


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: type(record).__name__)
def test_a_record_refuses_what_it_does_not_know(record: BaseModel) -> None:
    """A file of a later version is not read as if it were of this one."""
    written = json.loads(record.model_dump_json())
    with pytest.raises(ValidationError):
        type(record).model_validate({**written, "later": 1})


@pytest.mark.parametrize("value", [0.1 + 0.2, math.inf, -math.inf, None, 1e-300])
def test_a_point_is_a_line_that_is_read_back(value: float | None) -> None:
    point = Point(4, 1200, 0.75, "kl", "beta", value)
    line = point.as_json()
    assert "\n" not in line
    assert POINT.validate_json(line) == point


def test_a_point_that_is_no_number_stays_none() -> None:
    found = POINT.validate_json(Point(1, 1, 0.0, "kl", "", math.nan).as_json())
    assert found.value is not None
    assert math.isnan(found.value)


def test_the_key_of_a_trial_is_the_hash_of_its_identity_alone() -> None:
    spec = make_spec(7)
    assert spec.key == sha256(canonical({"seed": 7}))[:16]
    assert spec.model_copy(update={"metrics": (make_cell("kl"),)}).key == spec.key
    assert spec.model_copy(update={"identity": {"seed": 8}}).key != spec.key


@pytest.mark.parametrize(
    ("facts", "text"),
    [
        ({}, ""),
        ({"error_type": "KeyError", "message": "'lost'"}, "KeyError: 'lost'"),
        ({"error_type": "Boom"}, "Boom"),
        ({"message": "killed by SIGSEGV"}, "killed by SIGSEGV"),
    ],
)
def test_the_reason_of_an_attempt_is_a_line(facts: dict[str, str], text: str) -> None:
    assert make_attempt(Status.FAILED, **facts).error == text


def test_an_attempt_is_outdated_when_its_code_had_changed() -> None:
    assert make_attempt(Status.FAILED, error_type="CodeChanged").outdated
    assert not make_attempt(Status.FAILED, error_type="KeyError").outdated


def test_references_are_those_of_the_strategy() -> None:
    assert make_view(strategy=Strategy.REFERENCE).reference
    assert not make_view(strategy=Strategy.A4).reference
    assert make_spec(strategy=Strategy.REFERENCE).method.reference


def test_a_metric_is_made_again_from_its_record() -> None:
    """A worker has the record alone; whether a metric applies must not depend on where one asks."""
    spec = MetricSpec(
        name="mine",
        target="m:f",
        summary="what it is",
        unit="nats",
        direction="zero",
        kinds=frozenset({EnergyKind.DENSITY}),
        variants=("raw", "beta"),
        why_not="it has a reason",
        on_board=True,
    )
    cell = MetricCell(
        name=spec.name,
        target="m:f",
        owner="o",
        summary=spec.summary,
        unit=spec.unit,
        direction=spec.direction,
        kinds=tuple(spec.kinds),
        variants=spec.variants,
        code="1",
        why_not=spec.why_not,
        on_board=spec.on_board,
    )
    assert cell.spec() == spec
    for kind in EnergyKind:
        for variant in spec.variants:
            assert cell.spec().obstacle(kind, variant) == spec.obstacle(kind, variant)


def test_a_run_says_what_it_was_made_with() -> None:
    """The commit, the versions and the machine; a record without them is as good."""
    record = make_run(
        revision=Revision(commit="b" * 40, dirty=False), versions={"python": "3.12"}, machine={"cpu": "a fast one"}
    )
    found = RunRecord.model_validate_json(record.model_dump_json())
    assert found.revision == Revision(commit="b" * 40, dirty=False)
    assert (found.versions, found.machine) == ({"python": "3.12"}, {"cpu": "a fast one"})
    assert (make_run().revision, make_run().versions, make_run().machine) == (None, {}, {})


def test_a_track_is_found_by_its_name() -> None:
    run = make_run([make_view(), make_view(dataset="ising", track="binary")])
    assert run.track("binary").name == "binary"
    assert [track.name for track in run.tracks] == ["plane", "binary"]
