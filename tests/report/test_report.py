"""What reporters are given: tables that are made once, of the trials of the run alone; and which ones there are."""

from __future__ import annotations

from pathlib import Path

import pytest

from ebmbench.catalog.loading import load_catalog
from ebmbench.contracts.records import Status
from ebmbench.report.report import Report
from tests.factories import Lab


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    made = Lab(tmp_path)
    made.trial("nce", {"skill": 0.5, "kl": 0.25}, seed=0)
    made.trial("nce", {"skill": 0.7, "kl": 0.5}, seed=1)
    made.trial("bad", status=Status.TIMEOUT)
    return made


def test_it_has_the_tables_of_its_run(lab: Lab) -> None:
    report = lab.report(suite="mine")
    assert report.run.suite == "mine"
    assert report.trials["name"].tolist() == ["nce/moons/0/cpu", "nce/moons/1/cpu", "bad/moons/0/cpu"]
    assert report.metrics.query("metric == 'kl'")["value"].tolist() == [0.25, 0.5]
    assert [method.row for method in report.leaderboard.methods] == ["nce", "bad"]
    assert report.leaderboard.suite == "mine"


def test_each_table_is_made_once(lab: Lab) -> None:
    report = lab.report()
    assert report.table is report.table
    assert report.leaderboard is report.leaderboard
    assert report.metrics is report.metrics


def test_a_trial_is_found_by_its_name(lab: Lab) -> None:
    trial = lab.report().trial("nce/moons/1/cpu")
    assert trial.view == lab.trials[1].view
    assert trial.values["skill"] == 0.7
    with pytest.raises(KeyError):
        lab.report().trial("nce/moons/2/cpu")


def test_what_lies_beside_the_run_in_the_store_is_not_there(lab: Lab) -> None:
    result = lab.result()
    lab.trial("other", {"skill": 0.9})
    assert set(Report(result).table["label"]) == {"nce", "bad"}


def test_the_built_in_reporters_come_in_by_the_hook() -> None:
    reporters = load_catalog().reporters
    products = {name: entry.spec.product for name, entry in reporters.items()}
    assert products == {
        "md": "leaderboard.md",
        "csv": "leaderboard.csv",
        "trials": "trials.csv",
        "metrics": "metrics.md",
        "png": "surfaces.png",
        "svg": "",
        "pdf": "",
        "forest": "forest.svg",
        "dimension": "dimension.svg",
        "frames": "frames.png",
        "budget": "",
        "errors": "",
        "lecture": "",
        "html": "report.html",
        "tex": "",
        "json": "",
    }
    assert {entry.owner for entry in reporters.values()} == {"ebmbench:report"}


@pytest.mark.long
@pytest.mark.parametrize("name", ["md", "csv", "trials", "metrics", "tex", "json"])
def test_a_reporter_is_a_function_of_the_report(lab: Lab, name: str) -> None:
    """The same report gives the same text, however often and in whichever order it is asked."""
    write = load_catalog().reporters[name].load()
    first = write(lab.report())
    assert "nce" in first
    report = lab.report()
    assert [write(report), write(report)] == [first, first]
