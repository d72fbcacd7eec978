"""What a run leaves: all of it or a reason to write it again; and a suite's own tables are those of its full runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from ebmbench.catalog.catalog import Catalog, CatalogEntry
from ebmbench.contracts.records import ReporterSpec
from ebmbench.report.products import intact, publish, write
from ebmbench.report.report import Report
from tests.factories import Lab


def rows(report: Report) -> str:
    """A reporter: one line a trial."""
    return "".join(f"{name}\n" for name in report.trials["name"])


def nothing(report: Report) -> None:
    """A reporter that has nothing to say of this run."""


@pytest.fixture
def catalog() -> Catalog:
    made = Catalog()
    for name, reporter in (("rows", rows), ("nothing", nothing)):
        target = f"{__name__}:{reporter.__name__}"
        made.add("reporters", CatalogEntry(ReporterSpec(name, reporter, "A test's.", f"{name}.txt"), target))
    return made


@pytest.fixture
def lab(tmp_path: Path) -> Lab:
    made = Lab(tmp_path)
    made.trial("nce", {"skill": 0.5})
    return made


def test_what_was_written_is_intact_until_it_is_touched(lab: Lab, catalog: Catalog) -> None:
    report = lab.report()
    folder = report.result.folder
    folder.mkdir(parents=True, exist_ok=True)
    assert not intact(folder)
    write(report, catalog)
    assert (folder / "rows.txt").read_text() == "nce/moons/0/cpu\n"
    assert not (folder / "nothing.txt").exists()
    assert intact(folder)
    (folder / "rows.txt").write_text("half")
    assert not intact(folder)
    write(report, catalog)
    assert intact(folder)
    (folder / "trials.parquet").unlink()
    assert not intact(folder)


@pytest.mark.parametrize("full", [True, False])
def test_a_full_run_alone_gives_its_suite_tables(lab: Lab, catalog: Catalog, full: bool) -> None:
    report = lab.report(full=full)
    report.result.folder.mkdir(parents=True, exist_ok=True)
    write(report, catalog)
    publish(report.result, catalog)
    folder = report.result.store.suite_dir(report.run.suite)
    assert (folder / "rows.txt").is_file() is full
    assert (folder / "latest").is_file() is full


def test_a_run_that_was_cut_short_gives_none(lab: Lab, catalog: Catalog) -> None:
    lab.trial("dsm", status=None)
    report = lab.report(full=True)
    report.result.folder.mkdir(parents=True, exist_ok=True)
    write(report, catalog)
    publish(report.result, catalog)
    assert not (report.result.store.suite_dir(report.run.suite) / "latest").exists()
