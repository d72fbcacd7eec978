"""What is said of the run that a suite's name leads to, and of one that was narrowed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ebmbench.report.shown_run import narrowed_run, report_command, which_run
from ebmbench.store.folders import Store
from ebmbench.store.runs import RunResult, save_run
from tests.factories import make_run, make_view

FULL, NARROWED = "20260101-000000-12345678", "20260202-000000-87654321"


def saved(store: Store, run_id: str, full: bool, moment: int) -> RunResult:
    result = RunResult(make_run([make_view()], run_id=run_id, full=full), store)
    save_run(result)
    os.utime(result.folder / "run.json", (moment, moment))
    return result


def test_nothing_is_said_of_a_full_run_that_is_the_newest(tmp_path: Path) -> None:
    store = Store(tmp_path)
    saved(store, NARROWED, False, 1)
    full = saved(store, FULL, True, 2)
    (store.suite_dir("toy") / "latest").write_text(FULL)
    assert (which_run(full), narrowed_run(full)) == ("", "")


def test_a_newer_run_is_named_with_the_command_that_shows_it(tmp_path: Path) -> None:
    store = Store(tmp_path)
    full, narrowed = saved(store, FULL, True, 1), saved(store, NARROWED, False, 2)
    (store.suite_dir("toy") / "latest").write_text(FULL)
    command = report_command(narrowed.record, store)
    how = f"{NARROWED}, which was narrowed by -k, --seeds or --set"
    assert which_run(full) == f"this is the last full run; newer is {how}: {command}"
    assert narrowed_run(narrowed) == f"a narrowed run; the tables of toy are left alone. Again: {command}"


@pytest.mark.parametrize(("full", "how"), [(False, "was narrowed by -k, --seeds or --set"), (True, "has not ended")])
def test_without_a_full_run_it_is_said_what_is_shown(tmp_path: Path, full: bool, how: str) -> None:
    result = saved(Store(tmp_path), FULL, full, 1)
    assert which_run(result) == f"no full run of toy has come to its end: this is {FULL}, which {how}"


def test_the_command_names_the_results_where_they_are_not_the_usual_ones() -> None:
    record = make_run(run_id=FULL)
    assert report_command(record, Store(Path("results"))) == f"ebmbench report {FULL}"
    assert report_command(record, Store(Path("my results; rm"))) == f"ebmbench report {FULL} --results 'my results; rm'"
