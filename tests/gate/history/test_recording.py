"""What a run adds to a history: against numbers of which all is known."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from ebmbench.contracts.records import EnergyKind, Status, Strategy
from ebmbench.errors import UsageError
from ebmbench.gate.history import recording
from ebmbench.gate.history.lines import COUNTERS, Line, Place
from ebmbench.gate.history.recording import Recorded, recorded
from ebmbench.results import Results
from ebmbench.store.records import Revision
from tests.factories import Lab, make_attempt, make_training

COMMIT = "4177ab9" + 33 * "0"
CLEAN = Revision(commit=COMMIT, dirty=False)
MADE = datetime(2025, 12, 31, tzinfo=UTC)
STEP = ("train_seconds_per_step", "processor_seconds_per_step")
Make = Callable[..., Recorded]


@pytest.fixture(autouse=True)
def dated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording, "commit_date", lambda commit, *folders: MADE if folders else None)


def added(lab: Lab, **facts: Any) -> Recorded:
    """What a run of the trials adds."""
    return recorded(Results(lab.result(**{"revision": CLEAN, **facts})), Path())


def of(found: Recorded, measure: str, **wanted: str) -> list[Line]:
    lines = [line for line in found.lines if line.measure == measure]
    return [line for line in lines if all(getattr(line, name) == value for name, value in wanted.items())]


def only(found: Recorded, measure: str, **wanted: str) -> Line:
    (line,) = of(found, measure, **wanted)
    return line


# --- numbers ---------------------------------------------------------------------------------------------------------


def test_losses_are_medians_over_seeds_with_half_of_their_range(tmp_path: Path) -> None:
    lab = Lab(tmp_path)
    for seed, (kl, skill) in enumerate([(0.3, 0.5), (0.1, 0.9), (0.2, 0.8)]):
        lab.trial("nce", {"kl": kl, "skill": skill}, seed=seed)
        lab.trial("nce", {"kl": 7.0, "skill": 0.25}, seed=seed, dataset="rings")
    found = added(lab)
    density, order = (only(found, name, dataset="moons") for name in ("kl", "skill_gap"))
    assert [density.median, density.spread] == pytest.approx([0.2, 0.1])
    assert [order.median, order.spread] == pytest.approx([0.2, 0.2])
    assert density.n == order.n == 3
    assert only(found, "skill_gap", dataset="rings").median == pytest.approx(0.75)
    assert density.place == Place("toy", "nce", "moons", "kl", "")
    assert (density.unit, density.scale) == ("nats", "ratio")
    assert (density.commit, density.committed, density.date) == (COMMIT, MADE, datetime(2026, 1, 1, tzinfo=UTC))
    assert found.notes == ("6 of 6 trained trials are of an earlier run: their seconds and memory are left out",)


def test_counters_are_of_no_machine_and_seconds_are(tmp_path: Path) -> None:
    lab = Lab(tmp_path)
    for seed, machine in enumerate("aaab"):
        cost = make_training(steps=10, train_seconds=seed + 1.0, processor_seconds=0.5, operations=300 + seed)
        lab.trial("nce", {"kl": 1.0}, seed=seed, training=cost, attempt=make_attempt(machine_id=machine))
    found = added(lab)
    counters = {name: only(found, name) for name in COUNTERS}
    assert {name: line.median for name, line in counters.items()} == {
        "passes": 1000,
        "operations": 301.5,
        "energy_rows": 500,
        "gradient_rows": 100,
    }
    assert {line.machine for line in counters.values()} == {""}
    assert {(line.machine, line.median, line.n) for line in of(found, STEP[0])} == {("a", 0.2, 3), ("b", 0.4, 1)}
    assert {(line.machine, line.median, line.spread) for line in of(found, STEP[1])} == {
        ("a", 0.05, 0.0),
        ("b", 0.05, None),
    }
    assert {(line.machine, line.unit) for line in of(found, "peak_bytes")} == {("a", "bytes"), ("b", "bytes")}
    assert found.notes == ()


def test_seconds_of_the_cache_are_of_no_commit(tmp_path: Path) -> None:
    """What an earlier run has trained, or nobody knows where, says nothing of how fast this commit is."""
    lab = Lab(tmp_path)
    lab.trial("nce", {"kl": 1.0}, attempt=make_attempt(machine_id="a", started="2025-12-31T23:59:59+00:00"))
    lab.trial("nce", {"kl": 1.0}, seed=1, attempt=make_attempt(machine_id=""))
    lab.trial("gmm", {"kl": 1.0}, attempt=make_attempt(machine_id="a"))
    found = added(lab)
    assert {line.method for line in of(found, STEP[0])} == {line.method for line in of(found, "peak_bytes")} == {"gmm"}
    assert len(of(found, "passes")) == 2
    assert found.notes == ("2 of 3 trained trials are of an earlier run: their seconds and memory are left out",)


def test_a_method_without_steps_has_no_seconds_of_one(tmp_path: Path) -> None:
    lab = Lab(tmp_path)
    lab.trial("nce", {"kl": 1.0}, training=make_training(steps=0), attempt=make_attempt(machine_id="a"))
    assert of(added(lab), STEP[0]) == []


# --- what is not there -----------------------------------------------------------------------------------------------


def test_failures_are_infinite_losses(tmp_path: Path) -> None:
    lab = Lab(tmp_path)
    for seed in range(3):
        lab.trial("nce", {"kl": 0.5 + seed, "skill": 0.5}, seed=seed, status=Status.OK if seed else Status.DIVERGED)
        lab.trial("pcd", {"kl": 0.5, "skill": 0.5}, seed=seed, status=Status.DIVERGED if seed else Status.OK)
        lab.trial("gmm", seed=seed, status=Status.FAILED)
    found = added(lab)
    one, most, all_of_them = (only(found, "kl", method=name) for name in ("nce", "pcd", "gmm"))
    assert [one.median, one.spread] == pytest.approx([2.5, 0.5])
    assert one.n == 2
    assert (most.median, most.spread, most.n) == (None, None, 1)
    assert (all_of_them.median, all_of_them.n) == (None, 0)
    assert [line.n for line in of(found, "passes")] == [2, 1], "of those that ended well"


def test_skipped_trials_have_no_lines(tmp_path: Path) -> None:
    lab = Lab(tmp_path)
    lab.trial("nce", status=Status.SKIPPED)
    assert added(lab).lines == ()


def test_reference_rows_have_losses_and_no_costs(tmp_path: Path) -> None:
    lab = Lab(tmp_path)
    lab.trial("oracle", {"kl": 0.0, "skill": 1.0}, strategy=Strategy.REFERENCE)
    found = added(lab)
    assert {line.measure: line.median for line in found.lines} == {
        "kl": pytest.approx(1e-6),
        "skill_gap": pytest.approx(1e-6),
    }
    assert found.notes == ()


def test_an_energy_that_only_ranks_has_no_density(tmp_path: Path) -> None:
    lab = Lab(tmp_path)
    lab.trial("kmeans", {"kl": 0.5, "skill": 0.5}, kind=EnergyKind.RANKING)
    found = added(lab)
    assert (of(found, "kl"), len(of(found, "skill_gap"))) == ([], 1)


def test_nats_of_data_of_ones_own_are_logarithms(tmp_path: Path) -> None:
    lab = Lab(tmp_path)
    for seed, nll in enumerate([900.0, -3.0, 1000.0]):
        lab.trial("nce", {"nll_beta": nll}, seed=seed, track="user_data", dataset="mine")
    line = only(added(lab), "nll_beta")
    assert (line.median, line.spread, line.scale, line.unit) == (900.0, 501.5, "log", "nats")


def test_bits_are_as_the_plane(tmp_path: Path) -> None:
    lab = Lab(tmp_path)
    lab.trial("nce", {"kl": 0.5, "skill": 0.75}, track="binary", dataset="bars")
    found = added(lab)
    medians = [only(found, name).median for name in ("kl", "skill_gap")]
    assert medians == [pytest.approx(0.5), pytest.approx(0.25)]


def test_two_rows_of_one_name_on_two_devices_stay_apart(tmp_path: Path) -> None:
    lab = Lab(tmp_path)
    for device, kl in (("cpu", 0.5), ("cuda", 0.25)):
        lab.trial("nce", {"kl": kl, "skill": 0.5}, device=device)
    assert {line.method: line.median for line in of(added(lab), "kl")} == {
        "nce @cpu": pytest.approx(0.5),
        "nce @cuda": pytest.approx(0.25),
    }


def test_a_number_that_is_not_finite_fails(tmp_path: Path) -> None:
    lab = Lab(tmp_path)
    lab.trial("nce", {"kl": math.inf, "skill": 0.5})
    assert only(added(lab), "kl").median is None


# --- runs that are no part of a history ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({"revision": None}, "made outside of a git repository"),
        ({"revision": Revision(commit=COMMIT, dirty=True)}, "made with changes since 4177ab900000; commit them"),
        ({"full": False}, "narrowed by -k, --seeds or --set"),
    ],
)
def test_such_a_run_is_refused(tmp_path: Path, facts: dict[str, Any], said: str) -> None:
    lab = Lab(tmp_path)
    lab.trial("nce", {"kl": 0.5})
    with pytest.raises(UsageError) as error:
        added(lab, **facts)
    assert said in str(error.value)


def test_a_run_that_has_not_ended_is_refused(tmp_path: Path) -> None:
    lab = Lab(tmp_path)
    lab.trial("nce", {"kl": 0.5})
    lab.trial("nce", seed=1, status=None)
    with pytest.raises(UsageError, match="1 of its 2 trials have not ended; go on with: ebmbench run toy"):
        added(lab)


def test_a_commit_that_nobody_has_is_dated_by_its_run(tmp_path: Path) -> None:
    lab = Lab(tmp_path)
    lab.trial("oracle", {"kl": 0.5}, strategy=Strategy.REFERENCE)
    found = recorded(Results(lab.result(revision=CLEAN)))
    assert {line.committed for line in found.lines} == {datetime(2026, 1, 1, tzinfo=UTC)}
    assert found.notes == ("no repository here has the commit 4177ab900000: it is dated by when the run began",)
