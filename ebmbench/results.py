"""Runs from Python: start one, load one, use its tables and its models."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ebmbench.analysis.comparison import Comparison
from ebmbench.analysis.counterparts import Side
from ebmbench.contracts.records import NAME_PATTERN
from ebmbench.errors import UsageError, printable, suggest
from ebmbench.report import frame
from ebmbench.report.report import Report
from ebmbench.store.folders import DEFAULT_RESULTS, Store
from ebmbench.store.records import RunRecord
from ebmbench.store.runs import RunResult, latest_run, newest_run, run_of_id
from ebmbench.suite.selection import matcher

if TYPE_CHECKING:
    import pandas as pd

    from ebmbench.contracts.surface import Surface


@dataclass(frozen=True, repr=False)
class Results:
    """A finished run as pandas tables and models."""

    result: RunResult

    def __repr__(self) -> str:
        """``<Results toy2d: 7 rows, 105 trials: 104 ok, 1 diverged; best: gmm>``."""
        record, board = self.result.record, self.report.leaderboard
        counts = Counter(str(trial.status or "not finished") for trial in self.result.trials)
        trials = ", ".join(f"{count} {status}" for status, count in counts.items())
        rows = len({view.row for view in record.trials})
        best = f"; best: {board.best}" if board.best else ""
        return printable(f"<Results {record.suite}: {rows} rows, {len(record.trials)} trials: {trials}{best}>")

    @cached_property
    def report(self) -> Report:
        """What reporters are given."""
        return Report(self.result)

    @property
    def leaderboard(self) -> pd.DataFrame:
        """One row a method, the best first: how it stands, its numbers, what it cost."""
        return frame.leaderboard(self.report)

    @property
    def trials(self) -> pd.DataFrame:
        """One row a trial."""
        return self.report.trials

    @property
    def metrics(self) -> pd.DataFrame:
        """One row a number, in long form."""
        return self.report.metrics

    def narrowed(self, keyword: str) -> Results:
        """The trials whose names match, as ``-k`` of ``ebmbench run`` does.

        Raises:
            UsageError: if none does.
        """
        wanted, record = matcher(keyword), self.result.record
        views = tuple(view for view in record.trials if wanted(view.name))
        if not views:
            raise UsageError(f"-k '{keyword}': no trial of this run has such a name")
        return Results(RunResult(record.model_copy(update={"trials": views}), self.result.store))

    def model(self, trial: str) -> Surface:
        """The trained surface of a trial, given its name or key.

        Raises:
            UsageError: if the run has no such trial, or it was not trained.
        """
        from ebmbench.training.models import load_model

        for candidate in self.result.trials:
            if trial in (candidate.view.name, candidate.view.key):
                if candidate.training is None:
                    raise UsageError(f"{trial} was not trained: {candidate.error or 'it has not been run'}")
                candidate.folder.verified("model.pt")
                return load_model(candidate.folder, self.result.store.root)
        raise UsageError(f"no trial '{trial}'{suggest(trial, [t.view.name for t in self.result.trials])}")


def run(
    suite: str | Mapping[str, Any] | None = None,
    *,
    methods: Sequence[str | Mapping[str, Any]] | None = None,
    data: Any = None,
    budget: int | Mapping[str, int] | None = None,
    name: str | None = None,
    quiet: bool = False,
    **options: Any,
) -> Results:
    """Run a suite, as ``ebmbench run`` does; or methods on data of your own.

    ``run(methods=["nce", "gmm"], data=array)`` is a suite called ``own`` of one dataset called ``data``, with three
    seeds and two million passes; ``seeds=1``, ``budget=100_000`` and ``name="mine"`` change that. A fifth of the rows,
    or 10000, is for the test, and a fifth, or 5000, for validation.

    Args:
        suite: a path, the name of a shipped suite, or what such a file would say.
        methods: instead of a suite, the methods as a suite's file would list them.
        data: the rows (n, d) they are run on: a numpy array, a torch tensor, a pandas data frame, or the path of an
            npz, npy, csv or parquet file.
        budget: in the place of the suite's: so many passes, or as its file says it (``{"steps": 500}``).
        name: what the suite is called, and its folder in the results, in the place of its own name.
        quiet: nothing is printed; failures stand in the results.
        options: fields of ``session.Options``: keyword, overrides, seeds, workers, executor, results, timeout,
            retry_failed, fresh, no_train, plugins.

    Raises:
        UsageError: if anything given is not usable.
    """
    from rich.console import Console

    from ebmbench import session  # only who runs anything waits for torch
    from ebmbench.planning.user_data import user_suite

    if "results" in options:
        options["results"] = Path(options["results"])
    chosen = session.Options(**options)
    if suite is not None and (methods is not None or data is not None):
        raise UsageError("run: either a suite, or methods and data")
    if suite is None:
        if methods is None or data is None:
            raise UsageError("run: expected a suite, or both methods and data")
        store = Store(chosen.results)
        store.prepare()
        suite = user_suite(store, methods, data)
    said = {"budget": {"passes": budget} if isinstance(budget, int) else budget, "name": name}
    changes = {key: value for key, value in said.items() if value is not None}
    if isinstance(suite, Mapping):
        suite = {**suite, **changes}
    else:  # as --set does: the run is a narrowed one
        more = tuple(f"{key}={json.dumps(value)}" for key, value in changes.items())
        chosen = replace(chosen, overrides=(*chosen.overrides, *more))
    return Results(session.run(suite, chosen, Console(quiet=True) if quiet else None))


def load(name: str, results: str | Path = DEFAULT_RESULTS) -> Results:
    """A run of a suite, by the suite's name; or any run, by its id (``20260131-094500-1a2b3c4d``).

    Of a suite it is the last full run that came to its end. Where there is none, it is the newest run: one that was
    narrowed by ``-k``, ``--seeds`` or ``--set``, or did not come to its end.

    Raises:
        UsageError: if there is none.
    """
    store = Store(Path(results))
    known = re.fullmatch(NAME_PATTERN, name)
    record = (latest_run(store, name) or run_of_id(store, name)) if known else None
    if record is None and known and (store.suite_dir(name) / "latest").exists():
        raise UsageError(
            f"the last full run of '{name}' in {results} cannot be read: it is damaged, or another version's; "
            f"what has been trained is kept: ebmbench run {name}"
        )
    record = record or (newest_run(store, name) if known else None)
    if record is None:
        raise UsageError(f"no run of '{name}' in {results}; make one with: ebmbench run {name}")
    return Results(RunResult(record, store))


def opened(name: str, results: str | Path = DEFAULT_RESULTS) -> Results:
    """A run, as ``load`` finds it; or by its folder, ``results/toy2d/runs/<id>``, whose trials stand beside its suite.

    Raises:
        UsageError: if there is none; it says which name is nearest.
    """
    file = Path(name) / "run.json"
    if file.is_file():
        try:
            record = RunRecord.model_validate_json(file.read_bytes())
        except (OSError, ValueError):
            raise UsageError(f"{name}: the run cannot be read: it is damaged, or another version's") from None
        return Results(RunResult(record, Store(file.resolve().parents[3])))
    runs = sorted(Path(results).glob("*/runs/*/run.json"))
    known = {place.parent.name for place in runs} | {place.parents[2].name for place in runs}
    if name in known:
        try:
            return load(name, results)
        except UsageError:
            raise UsageError(
                f"the run '{name}' in {results} cannot be read: it is damaged, or another version's"
            ) from None
    raise UsageError(f"no run '{name}' in {results}{suggest(name, known)}")


def compare(a: Results, b: Results) -> Comparison:
    """What changed from run a to run b, their trials paired by name."""
    return Comparison.of(Side(a.result), Side(b.result))
