"""The leaderboard of a run, made of its tidy table: methods by strategy, grid points chosen on validation."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from statistics import fmean

import pandas as pd

from ebmbench.analysis.boards import Board, boards
from ebmbench.analysis.intervals import Estimate
from ebmbench.analysis.standings import Standing
from ebmbench.analysis.summaries import MethodSummary
from ebmbench.contracts.records import Column, EnergyKind, Strategy, Track, flat_name
from ebmbench.store.records import MetricCell, RunRecord

FAMILIES = ("contrastive", "architectural", "reference")
TRUE = 1e-3
"""A reference row this near to a ceiling is at it."""
ARROWS = {"up": " ↑", "down": " ↓", "one": " → 1", "zero": " → 0", "none": ""}


@dataclass(frozen=True)
class Leaderboard:
    """What a suite asks for, over all of its trials.

    Attributes:
        suite: its name.
        methods: in the order of the strategies, the reference rows last.
        boards: who is best, by each ruler.
        judged_by: the track of each dataset.
        tracks: in the order in which they are shown.
        metrics: what was asked for.
    """

    suite: str
    methods: tuple[MethodSummary, ...]
    boards: tuple[Board, ...]
    judged_by: Mapping[str, Track]
    tracks: tuple[Track, ...]
    metrics: tuple[MetricCell, ...]
    _datasets: dict[Column, list[str]] = field(default_factory=dict)
    _ceilings: dict[Column, dict[str, float]] = field(default_factory=dict)
    _least: dict[Column, float] = field(default_factory=dict)
    """Those found so far: every cell of a column asks."""

    @classmethod
    def of(cls, table: pd.DataFrame, run: RunRecord) -> Leaderboard:
        """The leaderboard of a run."""
        tracks = {track.name: track for track in run.tracks}
        methods = tuple(summaries(table, run))
        judged_by = {view.dataset: tracks[view.track] for view in run.trials}
        return cls(run.suite, methods, boards(methods, run.tracks), judged_by, run.tracks, run.metrics)

    @property
    def datasets(self) -> tuple[str, ...]:
        """In the order of the suite."""
        return tuple(self.judged_by)

    @property
    def best(self) -> str | None:
        """Who leads the first board."""
        return self.boards[0].best if self.boards else None

    def ordered(self, board: Board) -> list[tuple[Standing, MethodSummary]]:
        """The methods of a board, the best first."""
        methods = {method.row: method for method in self.methods}
        return [(standing, methods[standing.row]) for standing in board.standings]

    def standing(self, method: MethodSummary) -> Standing | None:
        """How a method stands on the first board that it stands on."""
        found = (board.of(method.row) for board in self.boards)
        return next((standing for standing in found if standing is not None), None)

    @property
    def families(self) -> Iterator[tuple[str, list[MethodSummary]]]:
        """The methods of each family, in the order of the strategies."""
        for family in FAMILIES:
            members = [method for method in self.methods if method.strategy.family == family]
            if members:
                yield family, members

    @property
    def columns(self) -> list[Column]:
        """Those of the tracks, and the metrics that ask for a column themselves, as far as they were asked for."""
        asked = {flat_name(cell.name, variant) for cell in self.metrics for variant in cell.variants}
        found = {column.title: column for track in self.tracks for column in track.columns}
        own = [column for cell in self.metrics if cell.on_board for column in _own_columns(cell)]
        known = {column.metric for column in found.values()}
        return [
            column for column in found.values() if {column.metric, column.ranking} & asked and self._held(column)
        ] + [column for column in own if column.metric not in known]

    def _held(self, column: Column) -> bool:
        """Whether a column that is a mean over datasets has any of them."""
        return not column.typical or bool(self.datasets_of(column))

    def value(self, column: Column, method: MethodSummary) -> Estimate | None:
        """What a method has in a column; None for nothing. Below the ceiling, where that is known: see ``ceilings``."""
        datasets = self.datasets_of(column)
        found = method.estimate(column.of(method.kind), datasets)
        if found is None or (column.typical and len(method.strata(column.of(method.kind), datasets)) < len(datasets)):
            return None
        ceilings = self.ceilings(column)
        if not ceilings:
            return found
        held = [ceilings[name] for name in datasets if method.median(column.of(method.kind), name) is not None]
        return replace(found, value=fmean(held) - found.value)

    def least(self, column: Column) -> float:
        """The least size of what the methods that compete have in a column; infinite where none has anything."""
        if column not in self._least:
            found = (self.value(column, method) for method in self.methods if not method.reference)
            self._least[column] = min((abs(one.value) for one in found if one is not None), default=math.inf)
        return self._least[column]

    def ceilings(self, column: Column) -> dict[str, float]:
        """What is the most that can be had on each dataset of a column: empty unless it is known on all of them.

        It is what a reference row has that is the truth, as far as the column can tell.
        """
        if column not in self._ceilings:
            found = {name: self._ceiling(column, name) for name in self.datasets_of(column) if column.ceiling}
            known = {name: value for name, value in found.items() if value is not None}
            self._ceilings[column] = known if len(known) == len(found) else {}
        return self._ceilings[column]

    def _ceiling(self, column: Column, dataset: str) -> float | None:
        for method in self.methods:
            reached = method.median(column.ceiling, dataset) if method.reference else None
            if reached is not None and reached > 1 - TRUE:
                return method.median(column.of(method.kind), dataset)
        return None

    def datasets_of(self, column: Column) -> list[str]:
        """The datasets whose track has the column, or all if none has, on which any method has a number."""
        if column not in self._datasets:
            judged = [name for name, track in self.judged_by.items() if column in track.columns] or self.datasets
            self._datasets[column] = [dataset for dataset in judged if self._has(column.of, dataset)]
        return self._datasets[column]

    def tables(self) -> Iterator[tuple[Column, list[str]]]:
        """The tables of methods by datasets, each with its datasets: those on which it has a number."""
        titles = dict.fromkeys(column for track in self.tracks for column in track.tables)
        for column in titles:
            datasets = [name for name, track in self.judged_by.items() if column in track.tables]
            held = [d for d in datasets if self._has(column.of, d) and not self._measured(column.unless, d)]
            if held:
                yield column, held if column.typical else datasets

    def _measured(self, metric: str, dataset: str) -> bool:
        return self._has(lambda kind: metric, dataset)

    def _has(self, metric: Callable[[EnergyKind], str], dataset: str) -> bool:
        """Whether any method has a number of its kind's metric on a dataset."""
        return any(method.median(metric(method.kind), dataset) is not None for method in self.methods)


def _own_columns(cell: MetricCell) -> list[Column]:
    title = f"{cell.name}{ARROWS.get(cell.direction, '')}"
    names = {variant: flat_name(cell.name, variant) for variant in cell.variants}
    if "raw" in names:
        return [Column(title, names["raw"], names.get("beta", ""))]
    return [Column(f"{title} ({variant})" if variant else title, name) for variant, name in names.items()]


def summaries(table: pd.DataFrame, run: RunRecord) -> list[MethodSummary]:
    """The methods of a tidy table; trials that have not ended do not count."""
    tracks = {track.name: track for track in run.tracks}
    ended = table[table["status"].notna()]
    facts = ended.drop_duplicates("name").set_index("name")
    measured = ended[ended["number"].notna()]
    values = measured.pivot(index="name", columns="number", values="value").reindex(facts.index)
    tuned = {view.row: view.tuned_on for view in run.trials}
    several, found = facts["device"].nunique() > 1, []
    for (label, device), members in facts.groupby(["label", "device"], sort=False, observed=True):
        row, select = str(label) + (f" @{device}" if several else ""), run.select.get(str(label))
        known = (values, tracks, tuned.get(str(label), ()))
        if select:
            names, note = choose(members, values, select)
            found.append(_summary(row, facts.loc[names], *known, note))
        else:
            points = {str(point): part for point, part in members.groupby("grid_point", sort=False, observed=True)}
            found += [_summary(f"{row}[{p}]" if p else row, part, *known) for p, part in points.items()]
    return sorted(found, key=lambda summary: (summary.reference, list(Strategy).index(summary.strategy)))


def _summary(
    row: str,
    facts: pd.DataFrame,
    values: pd.DataFrame,
    tracks: Mapping[str, Track],
    tuned_on: tuple[str, ...],
    chosen: str = "",
) -> MethodSummary:
    strategy, kind = Strategy(str(facts["strategy"].iloc[0])), EnergyKind(str(facts["kind"].iloc[0]))
    return MethodSummary(row, strategy, kind, facts, values.loc[facts.index], tracks, chosen, tuned_on)


def choose(facts: pd.DataFrame, values: pd.DataFrame, metric: str) -> tuple[list[str], str]:
    """The trials of, for each dataset, the grid point with the least mean of a validation metric over seeds.

    A failure rules a point out.
    """
    worth = values[metric] if metric in values else pd.Series(float("nan"), values.index)
    kept, notes = list[str](), []
    for _, members in facts.groupby("dataset", sort=False, observed=True):
        points = members.groupby("grid_point", sort=False, observed=True)
        means = {str(point): float(worth[part.index].fillna(float("inf")).mean()) for point, part in points}
        best = min(means, key=lambda point: means[point])
        kept += [str(name) for name in members.index[members["grid_point"].astype(str) == best]]
        notes.append(f"{members['dataset'].iloc[0]}: {best}")
    return kept, "; ".join(notes)
