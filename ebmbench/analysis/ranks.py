"""Who is best by the headline, and what cannot be told from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ebmbench.analysis.compare import tied_with_best
from ebmbench.analysis.summaries import MethodSummary
from ebmbench.contracts.records import Track


@dataclass(frozen=True)
class Ranking:
    """The best of the methods, and which cannot be told from it."""

    best: str | None
    ties: frozenset[str]


def rank(methods: Sequence[MethodSummary], tracks: Sequence[Track]) -> Ranking:
    """The best (reference rows never compete) and its ties, by paired tests over (dataset, seed).

    By the headline of the first track, on the datasets of all tracks that have the same one.
    """
    if not tracks:
        return Ranking(None, frozenset())
    track = tracks[0]
    alike = [other.name for other in tracks if other.headline == track.headline]
    table = _headlines([method for method in methods if not method.reference], track, alike)
    if table.empty:
        return Ranking(None, frozenset())
    measured = [method for method in methods if method.row in table.columns and _is_measured(method, track)]
    if not measured:
        return Ranking(None, frozenset())
    means = {method.row: _mean(method, track, table) for method in measured}
    best = (max if track.better == "up" else min)(means, key=lambda row: means[row])
    return Ranking(best, frozenset(tied_with_best(table, best)))


def _is_measured(method: MethodSummary, track: Track) -> bool:
    """Whether any trial that ended well has the headline: what failures count as makes nobody the best."""
    return bool(method.numbers(track.headline.of(method.kind))[~method.failed].notna().any())


def _headlines(methods: Sequence[MethodSummary], track: Track, alike: Sequence[str]) -> pd.DataFrame:
    """A row a (dataset, seed), a column a method that has any number; failures count as the track says."""
    columns, failed = {}, {}
    for method in methods:
        facts = method.facts[method.facts["track"].isin(list(alike))]
        index = pd.MultiIndex.from_arrays([facts["dataset"].astype(str), facts["seed"]])
        numbers = method.numbers(track.headline.of(method.kind))[facts.index]
        columns[method.row] = pd.Series(numbers.to_numpy(), index, dtype=float)
        failed[method.row] = pd.Series((method.failed[facts.index] | np.isinf(numbers)).to_numpy(), index)
    table = pd.DataFrame(columns).replace([float("inf"), float("-inf")], float("nan"))
    if track.failed is None:  # so much worse than the worst of the others on the same data
        down = track.better == "down"
        worst = table.max(axis="columns") + track.margin if down else table.min(axis="columns") - track.margin
        for row, lost in failed.items():
            lost = lost.reindex(table.index, fill_value=False).astype(bool)
            table[row] = table[row].mask(lost, worst)
    return table.dropna(axis="columns", how="all").dropna(axis="index", how="all")


def _mean(method: MethodSummary, track: Track, table: pd.DataFrame) -> float:
    """What decides between methods: the estimate that is shown.

    Where differences need no common zero, the mean above the middle of each row: methods may have different rows.
    """
    if track.failed is None:
        return float((table[method.row] - table.median(axis="columns")).mean())
    found = method.estimate(track.headline.of(method.kind))
    return track.failed if found is None else found.value
