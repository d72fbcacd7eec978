"""Two runs side by side: which method, and which trial, of one is which of the other."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from ebmbench.analysis.leaderboard import summaries
from ebmbench.analysis.shifts import Shift, shift
from ebmbench.analysis.summaries import MethodSummary
from ebmbench.analysis.tidy import tidy
from ebmbench.contracts.records import Status
from ebmbench.store.records import RunRecord
from ebmbench.store.runs import RunResult
from ebmbench.store.tables import metric_table, trial_table


@dataclass(frozen=True)
class Side:
    """One of two runs."""

    result: RunResult

    @property
    def run(self) -> RunRecord:
        """Its record."""
        return self.result.record

    @cached_property
    def _table(self) -> pd.DataFrame:
        return trial_table(self.result)

    @cached_property
    def trials(self) -> pd.DataFrame:
        """A row a trial, by name."""
        return self._table.drop_duplicates("name").set_index("name")

    @cached_property
    def by_name(self) -> dict[tuple[str, str], MethodSummary]:
        """The methods by label, with the grid point unless one is chosen on validation, and device: as trials are."""
        found = {}
        for method in self.methods:
            label, point, device = (str(method.facts[name].iloc[0]) for name in ("label", "grid_point", "device"))
            found[f"{label}[{point}]" if point and not method.chosen else label, device] = method
        return found

    @cached_property
    def methods(self) -> list[MethodSummary]:
        """As its leaderboard has them."""
        return summaries(tidy(self._table, metric_table(self.result), self.run), self.run)


@dataclass(frozen=True)
class Pair:
    """A method in both runs.

    Attributes:
        row: what it is called.
        a, b: its trials.
        trials: a row a (dataset, seed) that both have: ``name_a``, ``name_b``, ``status_a``, ``status_b``.
    """

    row: str
    a: MethodSummary
    b: MethodSummary
    trials: pd.DataFrame

    @property
    def reference(self) -> bool:
        """Whether it is a row to compare with."""
        return self.a.reference or self.b.reference

    def shift(self, a: pd.Series[float], b: pd.Series[float], metric: str) -> Shift | None:
        """What became of a loss or cost, given its logs by (dataset, seed)."""
        index = self.trials.index.intersection(a.index).intersection(b.index)
        ok = {f"ok_{side}": self.trials.loc[index, f"status_{side}"] == Status.OK for side in "ab"}
        raw_a, raw_b = (values(method, metric)[index] for method in (self.a, self.b))
        table = {"a": a[index], "b": b[index], "same": raw_a == raw_b, **ok}
        return shift(self.row, pd.DataFrame(table, index))


def paired(a: Side, b: Side) -> list[Pair]:
    """The methods that both have, in the order of B, with the trials that have ended in both."""
    first, several = a.by_name, has_several(a, b)
    found = []
    for (name, device), method in b.by_name.items():
        other = first.get((name, device))
        if other is not None:
            trials = _trials(other, "a").join(_trials(method, "b"), how="inner")
            if len(trials):
                found.append(Pair(called(name, device, several), other, method, trials))
    return found


def has_several(a: Side, b: Side) -> bool:
    """Whether there are several devices."""
    return len({device for _, device in (*a.by_name, *b.by_name)}) > 1


def called(name: str, device: str, several: bool) -> str:
    """The name of a row; with the device, where there are several."""
    return f"{name} @{device}" if several else name


def _trials(method: MethodSummary, side: str) -> pd.DataFrame:
    facts = method.facts
    table = {f"name_{side}": facts.index.astype(str), f"status_{side}": facts["status"].astype(str).to_numpy()}
    return pd.DataFrame(table, _index(facts))


def _index(facts: pd.DataFrame) -> pd.MultiIndex:
    return pd.MultiIndex.from_arrays([facts["dataset"].astype(str), facts["seed"]], names=["dataset", "seed"])


def values(method: MethodSummary, metric: str) -> pd.Series[float]:
    """The numbers of the trials that ended well, by (dataset, seed)."""
    found = method.values.get(metric, pd.Series(float("nan"), method.facts.index))
    return pd.Series(found.to_numpy(dtype=np.float64), _index(method.facts))
