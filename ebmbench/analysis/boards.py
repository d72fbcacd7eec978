"""The boards of a run: methods ranked by what their tracks are ruled by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ebmbench.analysis.claims import CLAIMED, impossible, truth_of
from ebmbench.analysis.standings import Standing, Word, standings
from ebmbench.analysis.summaries import MethodSummary
from ebmbench.contracts.records import EnergyKind, Ruler, Track

LEAST = 1e-6
"""A loss below this counts as this: it is what a lattice is off by."""


@dataclass(frozen=True)
class Board:
    """Methods by one ruler, the best first."""

    ruler: Ruler
    standings: tuple[Standing, ...]
    losses: pd.DataFrame
    """Logs of losses, a column a method, a row a (dataset, seed): what it is made of."""

    @property
    def datasets(self) -> list[str]:
        """What they are compared on."""
        return list(dict.fromkeys(self.losses.index.get_level_values(0)))

    @property
    def best(self) -> str | None:
        """Who leads; nobody where all have failed."""
        first = self.standings[0]
        return None if first.word is Word.FAILED else first.row

    def of(self, row: str) -> Standing | None:
        """How a method stands; None if it does not stand here."""
        return next((standing for standing in self.standings if standing.row == row), None)


def boards(methods: Sequence[MethodSummary], tracks: Sequence[Track]) -> tuple[Board, ...]:
    """A board for each ruler of the first track, on the datasets of all tracks that have it.

    Reference rows never compete. What has never had a number of a ruler does not stand on its board; where nobody has
    one there is no board. A likelihood that nobody can have counts as a failure.
    """
    found, truth = [], truth_of(methods)
    for ruler in tracks[0].ruled_by if tracks else ():
        alike = [track.name for track in tracks if ruler in track.ruled_by]
        competing = [m for m in methods if not m.reference and (ruler.of_order or m.kind is not EnergyKind.RANKING)]
        table = pd.DataFrame({method.row: losses(method, ruler, alike, truth) for method in competing})
        if np.isfinite(table.to_numpy(dtype=np.float64)).any():
            found.append(Board(ruler, tuple(standings(table)), table.dropna(axis="columns", how="all")))
    return tuple(found)


def losses(
    method: MethodSummary, ruler: Ruler, tracks: Sequence[str], truth: MethodSummary | None = None
) -> pd.Series[float]:
    """The log of the loss of each trial on data of these tracks, by (dataset, seed): infinite where it failed.

    By a ruler that takes likelihoods at their word, a claim below what the ``truth`` has is a failure too.
    """
    numbers = method.values.get(ruler.metric, pd.Series(float("nan"), method.facts.index))
    found = log_loss(numbers.to_numpy(dtype=np.float64), ruler)
    found[method.failed.to_numpy()] = np.inf
    if ruler.metric == CLAIMED:
        found[impossible(method, truth).notna().to_numpy()] = np.inf
    return pd.Series(found, method.units)[method.facts["track"].isin(list(tracks)).to_numpy()]


def log_loss(numbers: np.ndarray, ruler: Ruler) -> np.ndarray:
    """The logs of the losses that a ruler makes of the numbers of its metric."""
    match ruler.scale:
        case "ratio":
            return np.asarray(np.log(np.maximum(numbers, LEAST)))
        case "gap":
            return np.asarray(np.log(np.maximum(1 - numbers, LEAST)))
        case "nats":
            return numbers.copy()
        case "minus":
            return -numbers
