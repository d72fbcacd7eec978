"""The page of a pair: the trials of both sides as rows of one run, so that their surfaces stand beside each other."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace
from pathlib import Path

from ebmbench.report.page.document import page
from ebmbench.report.report import Report
from ebmbench.store.files import write_atomic
from ebmbench.store.folders import Store
from ebmbench.store.records import RunRecord, TrialView
from ebmbench.store.runs import RunResult

PAGE = "report.html"


def write(results: Path, base: RunRecord, head: RunRecord, names: Collection[str], file: Path) -> None:
    """Write the page of the trials of these names.

    Args:
        results: the results folder that both sides' trials are in.
        base, head: their plans.
        names: of trials that were run on both sides.
        file: where it goes.
    """
    views = (*_rows(base, names, "base"), *_rows(head, names, "head"))
    both = head.model_copy(update={"suite": f"{head.suite}-gate", "full": False, "select": {}, "trials": views})
    write_atomic(file, page(Report(RunResult(both, Store(results)))))


def _rows(record: RunRecord, names: Collection[str], side: str) -> Iterator[TrialView]:
    """The trials of a side; their rows are called after it, so that a method of both is two."""
    for view in record.trials:
        if view.name in names:
            row, _, rest = view.name.partition("/")
            yield replace(view, name=f"{row}-{side}/{rest}", row=f"{view.row}-{side}")
