"""The record of what metrics read of the truth is complete, and is what they read today (see tests/readings.py)."""

from __future__ import annotations

from pathlib import Path

import pytest

from ebmbench.metrics import ebmbench_metrics
from ebmbench.metrics.readings import Reading, read_readings
from tests.readings import built, hold_against_itself, measured, written

RECORD = read_readings()
ON_CLUSTERS = {(r.metric, r.variant): r for r in RECORD if r.dataset == "8gaussians"}


def test_every_metric_is_on_record() -> None:
    expected = {(spec.name, variant) for spec in ebmbench_metrics() for variant in spec.variants}
    on_record = {(reading.metric, reading.variant) for reading in RECORD}
    assert on_record == expected


@pytest.fixture(scope="module")
def today() -> list[Reading]:
    evaluation = hold_against_itself(built("8gaussians"), 0)
    found = [value for spec in ebmbench_metrics() for value in measured(evaluation, spec)[0]]
    return [Reading(v.metric, v.variant, "8gaussians", v.value, 0, 0) for v in found if v.value is not None]


@pytest.mark.long
def test_what_is_on_record_is_what_is_read_today(today: list[Reading]) -> None:
    """Seed 0 lies within the spread of the record's three seeds; a metric whose meaning changed does not."""
    assert {(r.metric, r.variant) for r in today} == set(ON_CLUSTERS)
    for reading in today:
        known = ON_CLUSTERS[reading.metric, reading.variant]
        slack = 4 * known.sd + 1e-4 * abs(known.mean) + 1e-6
        assert reading.mean == pytest.approx(known.mean, abs=slack), (reading.metric, reading.variant)


def test_the_truth_reads_what_the_catalog_promises() -> None:
    """``best`` of a record is what the truth reads, within its noise, wherever nothing is fitted."""
    for spec in ebmbench_metrics():
        for reading in RECORD:
            if spec.best is not None and reading.metric == spec.name and reading.variant != "beta":
                slack = 5 * reading.sd + 0.02
                assert reading.mean == pytest.approx(spec.best, abs=slack), reading


def test_all_metrics_of_a_trial_cost_less_than_they_may() -> None:
    """Seconds of one core: 20 for the set ``all``, on every dataset (the shared lattice and samples beside it)."""
    for name in {reading.dataset for reading in RECORD}:
        assert sum(reading.seconds for reading in RECORD if reading.dataset == name) < 15


def test_what_is_written_is_what_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = [Reading("kl", "raw", "moons", 1.5, 0.25, 0.003), Reading("beta", "", "rings", -2e-7, 0.0, 12.0)]
    (tmp_path / "readings.csv").write_text(written(found), encoding="utf-8")
    monkeypatch.setattr("ebmbench.metrics.readings.PATH", tmp_path / "readings.csv")
    assert read_readings() == found
