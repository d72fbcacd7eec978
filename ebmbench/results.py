"""Runs from Python: start one, load one, use its tables and its models."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ebmbench.analysis.comparison import Comparison
from ebmbench.analysis.counterparts import Side
from ebmbench.contracts.records import NAME_PATTERN
from ebmbench.errors import UsageError, suggest
from ebmbench.report.report import Report
from ebmbench.store.folders import DEFAULT_RESULTS, Store
from ebmbench.store.records import RunRecord
from ebmbench.store.runs import RunResult, latest_run, newest_run, run_of_id
from ebmbench.suite.selection import matcher

if TYPE_CHECKING:
    import pandas as pd

    from ebmbench.contracts.surface import Surface


@dataclass(frozen=True)
class Results:
    """A finished run as pandas tables and models."""

    result: RunResult

    @property
    def report(self) -> Report:
        """What reporters are given."""
        return Report(self.result)

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
    suite: str | None = None,
    *,
    methods: Sequence[str | Mapping[str, Any]] | None = None,
    data: Any = None,
    **options: Any,
) -> Results:
    """Run a suite (a path, or the name of a shipped one), as ``ebmbench run`` does; or methods on data of your own.

    ``run(methods=["nce", "gmm"], data=array)`` is a suite called ``own`` of one dataset called ``data``, with three
    seeds and two million passes; ``seeds=1`` and ``overrides=["budget.passes=100000"]`` change that. A fifth of the
    rows, or 10000, is for the test, and a fifth, or 5000, for validation.

    Args:
        suite: the suite.
        methods: instead of a suite, the methods as a suite's file would list them.
        data: the rows (n, d) they are run on: a numpy array, a torch tensor or a pandas data frame.
        options: fields of ``session.Options``: keyword, overrides, seeds, workers, executor, results, timeout,
            retry_failed, fresh, no_train, plugins.

    Raises:
        UsageError: if anything given is not usable.
    """
    from ebmbench import session  # only who runs anything waits for torch
    from ebmbench.planning.user_data import user_suite

    if "results" in options:
        options["results"] = Path(options["results"])
    chosen = session.Options(**options)
    if suite is not None:
        if methods is not None or data is not None:
            raise UsageError("run: either a suite, or methods and data")
        return Results(session.run(suite, chosen))
    if methods is None or data is None:
        raise UsageError("run: expected a suite, or both methods and data")
    store = Store(chosen.results)
    store.prepare()
    return Results(session.run(user_suite(store, methods, data), chosen))


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
