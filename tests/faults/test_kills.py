"""SIGKILL at random moments: the same command goes on, to the numbers of a run that nobody disturbed.

Four kills here; ``pytest tests/faults/test_kills.py -m slow`` makes ninety-six.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from ebmbench.store.runs import SUMS
from tests.faults.runs import Outcome, Place, alive, cmdline, servers_of, soon, workers_of

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="workers are forked on Linux alone")

SUITE = """\
name: faults
datasets: [8gaussians, moons]
data: {set: 500, validation: 500, test: 500}
methods: [nce, {name: gmm, components: 4}, dsm]
net: {features: 16, scales: [1, 2], width: 16, depth: 2}
budget: {steps: 60}
seeds: 2
metrics: [skill, kl]
timeout: 2m
memory: 1GB
"""
TARGETS = {"run": 1, "worker": 1, "server": 1, "run and server": 1}
"""What is killed, and how often of four times."""


@dataclass
class Campaign:
    """Kills in one results folder, and what was seen of them."""

    place: Place
    random: random.Random
    wanted: list[str]
    clean: dict[str, Any]
    span: float
    kills: Counter[str] = field(default_factory=Counter)
    runs: int = 0

    def work(self) -> None:
        """Run the same command until all kills are made and all trials done."""
        while self.wanted or self.runs == 0:
            self.one_run()
        self.check(self.place.run("--retry-failed"))

    def one_run(self) -> None:
        """One run, with kills until it is dead or done."""
        self.runs += 1
        before = done(self.place.folder)
        process = self.place.start("--retry-failed")
        try:
            while self.wanted and process.poll() is None:
                time.sleep(self.random.uniform(0, self.span))
                if process.poll() is None and self.kill(process, self.wanted[-1]):
                    self.kills[self.wanted.pop()] += 1
        finally:
            result = self.place.end(process)
        assert "Traceback" not in result.err, result.err
        assert soon(lambda: not alive(self.place.token), 5), [cmdline(left) for left in alive(self.place.token)]
        after = done(self.place.folder)
        lost = {key for key, content in before.items() if after.get(key) != content}
        assert not lost, "what was done stays as it is"
        whole_tables(self.place.folder)
        if result.code == 0:
            self.check(result)
            start_over(self.place.folder)

    def kill(self, process: subprocess.Popen[str], target: str) -> bool:
        """Kill it, if it is there."""
        servers, workers = servers_of(self.place.token), workers_of(self.place.token)
        victims: list[int] = []
        if "run" in target:
            victims.append(process.pid)
        if "server" in target:
            victims += [server.pid for server in servers]
        if target == "worker" and workers:
            victims.append(self.random.choice(workers).pid)
        for victim in victims:
            try:
                os.kill(victim, signal.SIGKILL)
            except ProcessLookupError:
                return False
        return len(victims) == 1 + ("and" in target)

    def check(self, result: Outcome) -> None:
        """The numbers are those of the run that nobody disturbed, to the last digit."""
        assert result.code == 0, result.err
        assert named(result) == self.clean


def done(folder: Path) -> dict[str, bytes]:
    """What stands in DONE of each trial that ended well."""
    found = {path.parent.name: path.read_bytes() for path in (folder / "results" / "trials").glob("*/*/DONE")}
    return {key: content for key, content in found.items() if json.loads(content)["status"] == "ok"}


def named(result: Outcome) -> dict[str, Any]:
    """Metrics by the trial's name."""
    return {trial["name"]: trial["metrics"] for trial in json.loads(result.out)["trials"]}


def ended(run: Path) -> set[str]:
    """The labels of which a run's table says that a trial has ended."""
    trials = pd.read_parquet(run / "trials.parquet")
    return set(trials.loc[trials["status"].notna(), "label"])


def whole_tables(folder: Path) -> None:
    """No product of any run is half a file; and where all were written, they are of the same trials.

    A run whose engine is lost before any trial has ended has a leaderboard without a row.
    """
    for path in (folder / "results" / "faults").glob("runs/*/*"):
        if path.name.startswith("."):
            continue
        if path.suffix == ".json":
            json.loads(path.read_text())
        elif path.suffix == ".parquet":
            assert "trial" in pd.read_parquet(path).columns
        elif path.name == "leaderboard.csv":
            labels = set(pd.read_csv(path)["label"])
            assert labels <= ended(path.parent) <= {"nce", "gmm", "dsm"}
            assert labels == ended(path.parent) or not (path.parent / SUMS).exists()
        elif path.suffix == ".md":
            assert path.read_text().endswith("\n")
        elif path.suffix == ".png":
            assert path.read_bytes().endswith(b"IEND\xaeB`\x82")


def start_over(folder: Path) -> None:
    """Another results folder; the last one is looked at once more."""
    results = folder / "results"
    database = results / "mlflow.db"
    if database.exists():
        with sqlite3.connect(database) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            query = "SELECT value, count(*) FROM tags JOIN runs USING (run_uuid) "
            query += "WHERE key = 'ebmbench.trial_key' AND lifecycle_stage = 'active' GROUP BY value"
            children = dict(connection.execute(query).fetchall())
        connection.close()
        assert set(children.values()) <= {1}, "one child run a trial in the mirror"
    results.rename(folder / f"results-{len(list(folder.glob('results-*')))}")


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], float]:
    """The numbers of a run that nobody disturbs, and how long it takes."""
    here = Place(tmp_path_factory.mktemp("clean"))
    (here.folder / "faults.yaml").write_text(SUITE)
    begun = time.monotonic()
    result = here.run()
    assert result.code == 0, result.err
    found = named(result)
    assert len(found) == 12
    assert all(metrics["skill"] > -1 for metrics in found.values())
    return found, time.monotonic() - begun


def campaign(folder: Path, clean: tuple[dict[str, Any], float], times: int, seed: int) -> Campaign:
    """All kills in random order, at moments of a third of a run at most from each other."""
    (folder / "faults.yaml").write_text(SUITE)
    order = random.Random(seed)
    wanted = [target for target, count in TARGETS.items() for _ in range(count * times)]
    order.shuffle(wanted)
    return Campaign(Place(folder), order, wanted, clean[0], clean[1] / 3)


@pytest.mark.faults
@pytest.mark.timeout(1500)
def test_four_kills_lose_nothing(tmp_path: Path, clean: tuple[dict[str, Any], float]) -> None:
    at_work = campaign(tmp_path, clean, 1, seed=0)
    at_work.work()
    assert at_work.kills == TARGETS


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_ninety_six_kills_lose_nothing(tmp_path: Path, clean: tuple[dict[str, Any], float]) -> None:
    at_work = campaign(tmp_path, clean, 24, seed=1)
    at_work.work()
    assert sum(at_work.kills.values()) == 96
