"""``ebmbench plan``: what a run would do with each trial and why, and how long it would take."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from ebmbench.catalog.loading import load_catalog
from ebmbench.cli import group
from ebmbench.contracts.records import Status
from ebmbench.planning.plan import Planner
from ebmbench.store.files import write_atomic
from ebmbench.store.folders import Store, TrialFolder
from ebmbench.store.records import TrialSpec
from ebmbench.store.runs import RunResult, save_run
from ebmbench.suite.loading import read_suite
from tests.factories import make_attempt, make_measurements, make_training

SUITE = """\
name: tiny
datasets: [8gaussians, boltzmann]
methods: [nce, gmm, oracle]
budget: {steps: 5}
seeds: 1
metrics: [skill]
"""
SECONDS = {"nce": 10.0, "gmm": 4.0, "oracle": 1.0}


@dataclass
class Place:
    """A suite, and a store in which its trials have ended."""

    folder: Path

    @property
    def store(self) -> Store:
        return Store(self.folder / "results")

    def trials(self, seeds: int | None = None) -> Iterator[tuple[TrialFolder, TrialSpec]]:
        """All that can be run, with their folders."""
        suite, source = read_suite(str(self.folder / "tiny.yaml"), (), seeds)
        plan = Planner(suite, source, load_catalog(), self.store).plan()
        save_run(RunResult(plan.run, self.store))
        for planned in plan.trials:
            if not planned.view.skipped:
                yield self.store.trial_folder(planned.view.key), planned.spec

    def finish(self, status: Status = Status.OK) -> None:
        for folder, spec in self.trials():
            end(folder, spec, status)

    def plan(self, *args: str) -> list[str]:
        """The lines of the plan, with single spaces."""
        done = self.call(*args)
        return [" ".join(line.split()) for line in done.splitlines()]

    def json(self, *args: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.call(*args, "--json"))
        return found

    def call(self, *args: str) -> str:
        arguments = ["plan", str(self.folder / "tiny.yaml"), "--results", str(self.store.root), *args]
        done = CliRunner().invoke(group, arguments, standalone_mode=False)
        assert done.exit_code == 0, done.exception
        assert done.stderr == ""
        return done.stdout


def end(folder: TrialFolder, spec: TrialSpec, status: Status = Status.OK) -> None:
    """What a worker leaves; how long it took depends on the method."""
    folder.begin(spec)
    if status is Status.OK:
        code = {cell.name: cell.code for cell in spec.metrics}
        write_atomic(folder.file("TRAINED"), make_training().model_dump_json())
        write_atomic(folder.file("metrics.json"), make_measurements({"skill": 0.5}, code=code).model_dump_json())
    error = {} if status is Status.OK else {"error_type": "Boom", "message": "why"}
    folder.finish(make_attempt(status, total_seconds=SECONDS[spec.method.name], **error))


@pytest.fixture
def place(tmp_path: Path) -> Place:
    (tmp_path / "tiny.yaml").write_text(SUITE)
    return Place(tmp_path)


WHY = "works on continuous data only"
CANNOT = ["nce/boltzmann/0/cpu", "gmm/boltzmann/0/cpu"]
CAN = ["nce/8gaussians/0/cpu", "gmm/8gaussians/0/cpu", "oracle/8gaussians/0/cpu"]
BITS = "oracle/boltzmann/0/cpu"


def test_a_plan_says_what_is_new_and_what_cannot_be_run(place: Place) -> None:
    *lines, counts, time = place.plan()
    skipped = [f"skipped {name} ({WHY})" for name in CANNOT]
    assert lines == [*(f"to run {name} (new)" for name in CAN), *skipped, f"to run {BITS} (new)"]
    assert counts == "6 trials: 4 to run, 2 skipped"
    assert time == "time: not known: no trial of this suite with this budget has been timed"


@pytest.mark.long
def test_a_plan_says_that_all_is_cached(place: Place) -> None:
    place.finish()
    *lines, last = place.plan()
    assert last == "6 trials: 4 cached, 2 skipped"
    skipped = [f"skipped {name} ({WHY})" for name in CANNOT]
    assert lines == [*(f"cached {name}" for name in CAN), *skipped, f"cached {BITS}"]
    planned = place.json()
    assert planned["estimate"] is None, "nothing is to run"
    rows = {row["name"]: row for row in planned["trials"]}
    assert {name: row["state"] for name, row in rows.items()} == {
        **dict.fromkeys([*CAN, BITS], "cached"),
        **dict.fromkeys(CANNOT, "skipped"),
    }
    keys = {f"{s.method.name}/{s.dataset.name}/{s.seed}/cpu": s.key for _, s in place.trials()}
    assert {name: rows[name]["key"] for name in keys} == keys
    assert {rows[name]["reason"] for name in CANNOT} == {WHY}


@pytest.mark.long
def test_a_plan_is_narrowed_and_changed_as_a_run_is(place: Place) -> None:
    place.finish()
    *trials, time = place.plan("--set", "budget.steps=7", "-k", "8gaussians and not oracle")
    assert trials == [f"to run {CAN[0]} (new)", f"to run {CAN[1]} (new)", "2 trials: 2 to run"]
    assert time == "time: not known: no trial of this suite with this budget has been timed", "what was run had another"


@pytest.mark.long
def test_a_plan_says_how_long_what_is_new_will_take(place: Place) -> None:
    """One seed is known; each method is to be run with two more."""
    place.finish()
    arguments = ("--seeds", "3", "-k", "8gaussians and (nce or gmm)")
    estimate = place.json(*arguments)["estimate"]
    assert (estimate["past"], estimate["to_run"], estimate["strange"]) == (2, 4, 0)
    expected = max(2 * (SECONDS["nce"] + SECONDS["gmm"]) / estimate["workers"], SECONDS["nce"])
    assert estimate["seconds"] == pytest.approx(expected)
    assert estimate["low"] <= estimate["seconds"] <= estimate["high"]
    shown = place.plan(*arguments)[-1]
    assert shown.startswith(f"time: about {expected:g} s ")
    assert shown.endswith("from 2 earlier trials")


@pytest.mark.long
@pytest.mark.parametrize(
    ("status", "said"),
    [(Status.DIVERGED, "failed before {} (diverged: Boom: why)"), (Status.OOM, "failed before {} (oom: Boom: why)")],
)
def test_what_failed_is_said_with_its_reason_and_is_not_tried_again(place: Place, status: Status, said: str) -> None:
    place.finish(status)
    lines = place.plan("-k", "8gaussians")
    assert lines == [*(said.format(name) for name in CAN), "3 trials: 3 failed before"]


@pytest.mark.long
def test_what_a_killed_run_left_goes_on_and_what_is_damaged_is_run_again(place: Place) -> None:
    place.finish()
    folders = {spec.method.name: folder for folder, spec in place.trials() if spec.dataset.name == "8gaussians"}
    folders["nce"].file("DONE").unlink()
    folders["gmm"].file("metrics.json").write_text("{}")
    lines = place.plan("-k", "8gaussians and not oracle")
    assert lines[0] == f"to run {CAN[0]} (not finished before)"
    assert lines[1].startswith(f"to run {CAN[1]} (damaged: metrics.json has 2 bytes")
    assert lines[2] == "2 trials: 2 to run"


@pytest.mark.long
def test_a_metric_more_trains_nothing(place: Place) -> None:
    place.finish()
    lines = place.plan("--set", "metrics=[skill, auroc]", "-k", "nce and 8gaussians")
    assert lines[0] == f"to run {CAN[0]} (trained; to measure: auroc)"


def test_a_plan_writes_no_trial_and_no_run(place: Place) -> None:
    place.plan()
    assert [path for path in place.store.root.rglob("*") if path.is_file()] == []


def test_a_name_cannot_drive_the_terminal(place: Place) -> None:
    text = "from ebmbench.api import MethodSpec, hookimpl\nraise RuntimeError('\\x1b]0;title\\x07')\n"
    (place.folder / "mine.py").write_text(text)
    arguments = ["-p", str(place.folder / "mine.py"), "plan", str(place.folder / "tiny.yaml")]
    done = CliRunner().invoke(group, [*arguments, "--results", str(place.store.root)], standalone_mode=False)
    assert done.exit_code == 1
    assert "\x1b" not in str(done.exception)
