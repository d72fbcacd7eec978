"""A method's trials in one place: what failed, and averages over datasets and seeds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from math import isnan
from statistics import median

import numpy as np
import pandas as pd

from ebmbench.analysis.intervals import Estimate, average
from ebmbench.contracts.records import Badge, EnergyKind, Status, Strategy, Track
from ebmbench.metrics.tracks import USER_DATA


@dataclass(frozen=True)
class MethodSummary:
    """One row of a leaderboard.

    Attributes:
        row: what it is called.
        strategy: its strategy.
        kind: what its energies mean.
        facts: a row a trial, by name: dataset, track, seed, status, error.
        values: the same rows, a column a metric, by flat name; what was not measured is missing.
        tracks: what the datasets are judged by.
        chosen: the grid points chosen, where the method's entry has a grid.
        tuned_on: the datasets by whose exact density a default of the method was chosen.
    """

    row: str
    strategy: Strategy
    kind: EnergyKind
    facts: pd.DataFrame
    values: pd.DataFrame
    tracks: Mapping[str, Track]
    chosen: str = ""
    tuned_on: tuple[str, ...] = ()
    _estimates: dict[tuple[str, frozenset[str] | None], Estimate | None] = field(default_factory=dict)
    """Those made so far: the terminal, the page and the table show the same."""

    @property
    def reference(self) -> bool:
        """Whether it is a row to compare with."""
        return self.strategy is Strategy.REFERENCE

    @property
    def failures(self) -> dict[Status, int]:
        """How many trials did not end well, by how they ended."""
        return {Status(name): count for name, count in Counter(self._statuses).items() if name != Status.OK}

    def numbers(self, metric: str) -> pd.Series[float]:
        """The metric of each trial. In the headline of its track a trial that did not end well counts as that says.

        A trial that was skipped counts nowhere, and one that ended well without the number is missing: this is the one
        rule for averages, ranks and tables.
        """
        return self._counted[metric] if metric in self._counted else pd.Series(float("nan"), self.facts.index)

    @cached_property
    def _counted(self) -> pd.DataFrame:
        """The values, with what failures count as in the headlines of their tracks."""
        found = self.values.copy()
        for track in self.tracks.values():
            if track.failed is not None:
                found.loc[self.failed & (self.facts["track"] == track.name), track.headline.of(self.kind)] = (
                    track.failed
                )
        return found

    @cached_property
    def failed(self) -> pd.Series[bool]:
        """Which trials did not end well."""
        return pd.Series([name not in (Status.OK, Status.SKIPPED) for name in self._statuses], self.facts.index)

    @cached_property
    def _statuses(self) -> list[str]:
        """How each trial ended."""
        return self.facts["status"].astype(str).tolist()

    @cached_property
    def _datasets(self) -> list[str]:
        """What each trial was trained on."""
        return self.facts["dataset"].astype(str).tolist()

    @cached_property
    def units(self) -> pd.MultiIndex:
        """The (dataset, seed) of each trial: what it has in common with those of other methods."""
        return pd.MultiIndex.from_arrays([self._datasets, self.facts["seed"]])

    def strata(self, metric: str, datasets: Collection[str] | None = None) -> list[list[float]]:
        """The values of a metric for each dataset that has any, of these or of all."""
        held = self._strata.get(metric, {})
        return [values for name, values in held.items() if datasets is None or name in datasets]

    @cached_property
    def _strata(self) -> dict[str, dict[str, list[float]]]:
        """The values of each metric, by dataset: those of all metrics together, as tables ask for each of them."""
        names, table = self._counted.columns.astype(str), self._counted.to_numpy(dtype=np.float64)
        strata: dict[str, dict[str, list[float]]] = {name: {} for name in names}
        for dataset in dict.fromkeys(self._datasets):
            columns = table[[name == dataset for name in self._datasets]].T.tolist()
            for name, column in zip(names, columns, strict=True):
                values = [value for value in column if not isnan(value)]
                if values:
                    strata[name][dataset] = values
        return strata

    def estimate(self, metric: str, datasets: Collection[str] | None = None) -> Estimate | None:
        """The mean over datasets, these or all, of a metric's medians over seeds; None when it was never measured."""
        place = metric, None if datasets is None else frozenset(datasets)
        if place not in self._estimates:
            strata = self.strata(metric, datasets)
            self._estimates[place] = average(strata) if strata else None
        return self._estimates[place]

    def median(self, metric: str, dataset: str, failures: bool = True) -> float | None:
        """The median over seeds on one dataset; without ``failures`` of the trials that ended well alone."""
        if failures:
            values = self._strata.get(metric, {}).get(dataset)
            return median(values) if values else None
        held = metric in self.medians and dataset in self.medians.index
        value = float(self.medians.loc[dataset, metric]) if held else float("nan")  # type: ignore[arg-type]
        return None if isnan(value) else value

    @cached_property
    def medians(self) -> pd.DataFrame:
        """Over the seeds that ended well: a row a dataset, a column a metric, by flat name."""
        ended = ~self.failed
        return self.values[ended].groupby(self.facts["dataset"].astype(str)[ended], sort=False).median()

    def middle(self, metric: str, dataset: str) -> str | None:
        """The trial on a dataset that ended well with the median (the lower of two), or else the first that did."""
        held = self.facts[
            (self.facts["dataset"].astype(str) == dataset) & (self.facts["status"].astype(str) == Status.OK)
        ]
        ordered = self.numbers(metric)[held.index].sort_values(kind="stable").dropna()
        names = ordered.index[(len(ordered) - 1) // 2 :] if len(ordered) else held.index
        return str(names[0]) if len(names) else None

    def expected(self, datasets: Collection[str]) -> int:
        """How many trials should have a number on these datasets: all but those that were skipped."""
        counted = zip(self._datasets, self._statuses, strict=True)
        return sum(name in datasets and status != Status.SKIPPED for name, status in counted)

    def cost(self, name: str) -> float | None:
        """A training cost: the mean over datasets of its medians over seeds, of the trials that were trained."""
        found = self.estimate(name)
        return found.value if found else None

    @property
    def peeked(self) -> bool:
        """Whether a default was chosen by the exact density of any of its datasets, at whatever point of a sweep.

        Rows of a user may bear the name of a dataset; nobody knows their density.
        """
        known = (self.facts["track"].astype(str) != USER_DATA.name).tolist()
        names = {name.partition("[")[0] for name, exact in zip(self._datasets, known, strict=True) if exact}
        return not names.isdisjoint(self.tuned_on)

    @property
    def badges(self) -> dict[Badge, float]:
        """What a reader is warned of, each with its share on the dataset on which it is largest."""
        known = dict.fromkeys(badge for track in self.tracks.values() for badge in track.badges)
        found = {badge: self._worst(badge) for badge in known}
        return {badge: share for badge, share in found.items() if share > badge.above}

    def _worst(self, badge: Badge) -> float:
        metric = badge.ranking if badge.ranking and self.kind is EnergyKind.RANKING else badge.metric
        return max((median(values) for values in self.strata(metric)), default=0.0)
