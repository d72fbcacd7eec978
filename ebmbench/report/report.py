"""What reporters are given: a finished run as tables."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

import pandas as pd

from ebmbench.analysis.conditions import Conditions
from ebmbench.analysis.leaderboard import Leaderboard
from ebmbench.analysis.tidy import tidy
from ebmbench.store.records import RunRecord, TrialView
from ebmbench.store.runs import RunResult, TrialResult
from ebmbench.store.tables import METRICS, TRIALS, metric_table, read_table, trial_table


@dataclass(frozen=True)
class Report:
    """A finished run; all that a reporter says is a function of it.

    Attributes:
        result: the run, whose trials' pictures are read from their folders.
        warn: is told of what could not be read.
        stored: whether the run's own tables are read, and not made of the trial folders.
    """

    result: RunResult
    warn: Callable[[str], None] = field(default=lambda text: None)
    stored: bool = False

    @property
    def run(self) -> RunRecord:
        """The run's own record."""
        return self.result.record

    @cached_property
    def trials(self) -> pd.DataFrame:
        """One row a trial."""
        return read_table(self.result, TRIALS) if self.stored else trial_table(self.result)

    @cached_property
    def metrics(self) -> pd.DataFrame:
        """One row a number, at milestones and at the end."""
        return read_table(self.result, METRICS) if self.stored else metric_table(self.result)

    @cached_property
    def table(self) -> pd.DataFrame:
        """The tidy table: one row a trial and metric."""
        return tidy(self.trials, self.metrics, self.run)

    @cached_property
    def conditions(self) -> Conditions:
        """How the numbers were made."""
        return Conditions.of(self.trials, self.run)

    @cached_property
    def leaderboard(self) -> Leaderboard:
        """The leaderboard that the table gives."""
        return Leaderboard.of(self.table, self.run)

    @cached_property
    def views(self) -> dict[str, TrialView]:
        """The trials by name."""
        return {view.name: view for view in self.run.trials}

    def trial(self, name: str) -> TrialResult:
        """A trial, to read its pictures from."""
        view = self.views[name]
        return TrialResult(view, self.result.store.trial_folder(view.key))
