"""Which of a suite's runs a reader is shown, and how another one is asked for."""

from __future__ import annotations

import shlex

from ebmbench.store.folders import DEFAULT_RESULTS, Store
from ebmbench.store.records import RunRecord
from ebmbench.store.runs import RunResult, latest_run, newest_run


def which_run(result: RunResult) -> str:
    """What must be said to somebody who asked for a suite and is shown this run of it; empty if nothing.

    Either it is no full run, or there is a newer one that the suite's name does not lead to.
    """
    record, store = result.record, result.store
    if latest_run(store, record.suite) is None:
        return f"no full run of {record.suite} has come to its end: this is {_described(record)}"
    newest = newest_run(store, record.suite)
    if newest is None or newest.run_id == record.run_id:
        return ""
    return f"this is the last full run; newer is {_described(newest)}: {report_command(newest, store)}"


def narrowed_run(result: RunResult) -> str:
    """What must be said at the end of a run that was narrowed; empty for a full one."""
    record = result.record
    if record.full:
        return ""
    return f"a narrowed run; the tables of {record.suite} are left alone. Again: {report_command(record, result.store)}"


def report_command(record: RunRecord, store: Store) -> str:
    """The command that shows a run, whatever its suite's name leads to."""
    folder = "" if store.root == DEFAULT_RESULTS else f" --results {shlex.quote(str(store.root))}"
    return f"ebmbench report {record.run_id}{folder}"


def _described(record: RunRecord) -> str:
    how = "which has not ended" if record.full else "which was narrowed by -k, --seeds or --set"
    return f"{record.run_id}, {how}"
