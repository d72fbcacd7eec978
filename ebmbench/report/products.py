"""What a run leaves for people in its folder, and of a full run in its suite's: written, checked, handed on."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable
from pathlib import Path

from ebmbench.catalog.catalog import Catalog
from ebmbench.report.report import Report
from ebmbench.store.files import digest, replacing, write_atomic
from ebmbench.store.runs import SUMS, RunResult
from ebmbench.store.tables import METRICS, TRIALS, write_table


def write(report: Report, catalog: Catalog) -> None:
    """Write a run's own products, and what they hash to."""
    from ebmbench.report.figures.canvas import content

    folder = report.result.folder
    (folder / SUMS).unlink(missing_ok=True)
    write_table(report.result, TRIALS, report.trials)
    write_table(report.result, METRICS, report.metrics)
    for reporter in catalog.reporters.values():
        if reporter.spec.product:
            found = reporter.load()(report)
            if found is not None:
                write_atomic(folder / reporter.spec.product, content(found, reporter.spec))
    sums = {path.name: digest(path) for path in _products(folder, catalog, TRIALS, METRICS, "run.json")}
    write_atomic(folder / SUMS, json.dumps(sums, indent=1))


def intact(folder: Path) -> bool:
    """Whether a run's products are there as they were written, and of the record that is there: of its metrics."""
    try:
        sums = json.loads((folder / SUMS).read_text())
        return bool(sums) and all(digest(folder / name) == sum for name, sum in sums.items())
    except (OSError, ValueError, AttributeError):
        return False


def _products(folder: Path, catalog: Catalog, *more: str) -> Iterable[Path]:
    names = [reporter.spec.product for reporter in catalog.reporters.values() if reporter.spec.product]
    return [path for path in (folder / name for name in (*names, *more)) if path.is_file()]


def publish(result: RunResult, catalog: Catalog) -> None:
    """The suite's own tables are those of its last full run that came to its end."""
    if not result.record.full or any(trial.status is None for trial in result.trials):
        return
    folder = result.store.suite_dir(result.record.suite)
    for source in _products(result.folder, catalog):
        with replacing(folder / source.name) as temporary:
            shutil.copyfile(source, temporary)
    write_atomic(folder / "latest", result.record.run_id + "\n")
