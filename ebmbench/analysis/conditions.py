"""Under what conditions the numbers of a run were made: what makes them, and their seconds, comparable."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from ebmbench.analysis.summaries import MethodSummary
from ebmbench.contracts.records import Status
from ebmbench.store.records import Revision, RunRecord

LEAST_SHARE = 0.9
"""A thread that had less of a processor than this waited for others: its seconds are not its own."""


@dataclass(frozen=True)
class Conditions:
    """What a reader must know of how the numbers were made.

    Attributes:
        revision: the commit; None where there is none.
        machine: facts of the one that the run was started on.
        versions: of Python and the main packages.
        trials: how many were run, failed ones among them.
        at_once: how many ran at a time, at most; None where that is not known.
        machines: how many machines they ran on.
        known: of how many it is known whether they had the processor to themselves.
        loaded: those that had not, by name. Only of a single thread on a CPU can that be told.
        elsewhere: those that did not run on the machine that most ran on, by name.
    """

    revision: Revision | None
    machine: Mapping[str, str]
    versions: Mapping[str, str]
    trials: int
    at_once: int | None
    machines: int
    known: int
    loaded: frozenset[str]
    elsewhere: frozenset[str]

    @classmethod
    def of(cls, trials: pd.DataFrame, run: RunRecord) -> Conditions:
        """The conditions of a run.

        Args:
            trials: one row a trial; an older table may lack what is not known.
            run: the record of it.
        """
        status = _column(trials, "status")
        ran = trials[(status.notna() & (status != Status.SKIPPED)).astype(bool)]
        beside = _column(ran, "n_concurrent").astype(float).dropna()
        share = _share(ran)
        where = _column(ran, "machine_id").dropna()
        where = where[where != ""]
        main = where.value_counts(sort=False).idxmax() if len(where) else ""
        return cls(
            run.revision,
            run.machine,
            run.versions,
            len(ran),
            int(beside.max()) + 1 if len(beside) else None,
            int(where.nunique()),
            len(share),
            frozenset(_column(ran, "name")[share.index[share < LEAST_SHARE]]),
            frozenset(_column(ran, "name")[where.index[where != main]]),
        )

    def under_load(self, method: MethodSummary) -> bool:
        """Whether any seconds of a method are not its own."""
        return not self.loaded.isdisjoint(method.facts.index)

    def on_another_machine(self, method: MethodSummary) -> bool:
        """Whether any seconds of a method are of another machine than most."""
        return not self.elsewhere.isdisjoint(method.facts.index)


def _share(ran: pd.DataFrame) -> pd.Series[float]:
    """How much of a processor each trial had while it was trained, of those of which that can be told."""
    single = _column(ran, "device").map(_single_thread).astype(bool)
    seconds = _column(ran, "train_seconds").astype(float)
    return (_column(ran, "processor_seconds").astype(float) / seconds)[single & (seconds > 0)].dropna()


def _single_thread(profile: str) -> bool:
    """Whether a device profile computes on a CPU with one thread: ``cpu``, ``cpu-float64``, and not ``cpu-4t``."""
    device, *options = str(profile).split("-")
    return device == "cpu" and not any(option[:-1].isdigit() and option.endswith("t") for option in options)


def _column(table: pd.DataFrame, name: str) -> pd.Series:
    return table[name] if name in table else pd.Series(None, table.index, dtype=object)
