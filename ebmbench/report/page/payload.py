"""What the page is told: everything that is computed, as records; the script of the page only selects."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from ebmbench.analysis import resampling
from ebmbench.analysis.boards import Board
from ebmbench.analysis.conditions import Conditions
from ebmbench.analysis.leaderboard import Leaderboard
from ebmbench.analysis.pairs import pairs
from ebmbench.analysis.profiles import factor_profile
from ebmbench.analysis.standings import behind_best
from ebmbench.analysis.summaries import MethodSummary
from ebmbench.contracts.records import Status, flat_name
from ebmbench.report.page.courses import Course
from ebmbench.report.page.energies import Gallery
from ebmbench.report.palette import STRATEGY_STYLE
from ebmbench.report.text import badges, factor, failures, ranks, seconds

FACTORS = tuple(float(f"{10 ** (k / 20):.4g}") for k in range(81))
"""Where performance profiles are read: factors of the best from 1 to 10,000, twenty to a decade."""
COSTS = ("passes", "steps", "rows", "train_seconds")


@dataclass(frozen=True)
class Look:
    """A strategy: how it is drawn, and its idea in LeCun's words."""

    name: str
    family: str
    color: str
    shape: str
    idea: str


@dataclass(frozen=True)
class Row:
    """A method: what it is, what became of its trials, what it cost, in the order of ``COSTS``.

    ``seconds`` are those of training as tables show them: marked where they were measured under load.
    """

    name: str
    strategy: str
    kind: str
    reference: bool
    ended: str
    failed: int
    badges: tuple[str, ...]
    costs: tuple[float | None, ...]
    seconds: str


@dataclass(frozen=True)
class Place:
    """A method on a board; ``of_each`` are its factors by dataset, ``shares`` its performance profile."""

    method: int
    value: float
    low: float | None
    high: float | None
    text: str
    ranks: str
    word: str
    worst: str
    of_each: tuple[float | None, ...]
    shares: tuple[float, ...]


@dataclass(frozen=True)
class BoardPart:
    """A board, the best first; probabilities are of a row's method being better than a column's, in that order."""

    title: str
    metric: str
    legend: str
    places: tuple[Place, ...]
    probability: tuple[tuple[float | None, ...], ...]
    low: tuple[tuple[float | None, ...], ...]
    high: tuple[tuple[float | None, ...], ...]


@dataclass(frozen=True)
class Measure:
    """A metric: medians over seeds, a row a method, a column a dataset."""

    name: str
    unit: str
    direction: str
    summary: str
    values: tuple[tuple[float | None, ...], ...]


@dataclass(frozen=True)
class Trial:
    """A trial and its headline numbers."""

    name: str
    method: int
    dataset: int
    seed: int
    status: str
    error: str
    numbers: dict[str, float]


@dataclass(frozen=True)
class Payload:
    """All that the script is given."""

    suite: str
    strategies: tuple[Look, ...]
    methods: tuple[Row, ...]
    datasets: tuple[str, ...]
    boards: tuple[BoardPart, ...]
    factors: tuple[float, ...]
    measures: tuple[Measure, ...]
    trials: tuple[Trial, ...]
    curve: str
    """What the courses are of."""
    courses: tuple[Course, ...]
    gallery: Gallery
    files: dict[str, str]
    """Names of files to be saved, and their content, deflated and in base64."""


def looks() -> tuple[Look, ...]:
    """All strategies, the reference rows last."""
    return tuple(
        Look(strategy.value, strategy.family, style.color, style.shape, strategy.idea)
        for strategy, style in STRATEGY_STYLE.items()
    )


def rows(board: Leaderboard, conditions: Conditions) -> tuple[Row, ...]:
    """The methods, in the order of the leaderboard."""
    return tuple(_row(method, conditions) for method in board.methods)


def _row(method: MethodSummary, conditions: Conditions) -> Row:
    return Row(
        method.row,
        method.strategy.value,
        method.kind.value,
        method.reference,
        failures(method),
        sum(count for status, count in method.failures.items() if status is not Status.SKIPPED),
        tuple(badges(method)),
        tuple(method.cost(name) for name in COSTS),
        seconds(method, conditions),
    )


def board_parts(board: Leaderboard) -> tuple[BoardPart, ...]:
    """The boards, each with the pairs of its methods."""
    index = {method.row: k for k, method in enumerate(board.methods)}
    return tuple(_part(board, one, index) for one in board.boards)


def _part(board: Leaderboard, one: Board, index: dict[str, int]) -> BoardPart:
    order = [standing.row for standing in one.standings]
    behind = behind_best(one.losses).reindex(list(board.datasets))[order]
    shares = factor_profile(one.losses[order], FACTORS).round(4)
    places = tuple(
        Place(
            index[standing.row],
            standing.factor.value,
            standing.factor.low,
            standing.factor.high,
            factor(standing),
            ranks(standing),
            standing.word.value,
            standing.worst,
            tuple(None if math.isnan(log) else resampling.factor(log) for log in behind[standing.row]),
            tuple(shares[standing.row]),
        )
        for standing in one.standings
    )
    found = pairs(one.losses[order])
    matrices = (_matrix(array) for array in (found.probability, found.low, found.high))
    return BoardPart(one.ruler.title, one.ruler.metric, one.ruler.legend, places, *matrices)


def _matrix(array: np.ndarray) -> tuple[tuple[float | None, ...], ...]:
    return tuple(tuple(None if math.isnan(x) else round(float(x), 3) for x in row) for row in array)


def measures(board: Leaderboard) -> Iterator[Measure]:
    """Every metric that any method has a number of, variant by variant."""
    medians = [method.medians.reindex(list(board.datasets)) for method in board.methods]
    for cell in board.metrics:
        for variant in cell.variants:
            name = flat_name(cell.name, variant)
            values = tuple(
                tuple(map(_short, found[name])) if name in found else (None,) * len(found) for found in medians
            )
            if any(value is not None for row in values for value in row):
                yield Measure(name, cell.unit, cell.direction, cell.summary, values)


def _short(value: float) -> float | None:
    return None if math.isnan(value) else float(f"{value:.5g}")


def trials(board: Leaderboard, shown: Sequence[str]) -> Iterator[Trial]:
    """The trials of all methods that have ended, with what of their numbers is ``shown``, by flat name."""
    datasets = {name: k for k, name in enumerate(board.datasets)}
    for k, method in enumerate(board.methods):
        values = method.values.reindex(columns=list(shown))
        facts = method.facts[["dataset", "seed", "status", "error"]].astype(object)
        for name, fact, found in zip(facts.index, facts.to_numpy(), values.to_numpy(dtype=np.float64), strict=True):
            numbers = {m: float(f"{x:.5g}") for m, x in zip(shown, found, strict=True) if not math.isnan(x)}
            dataset, seed, status, error = fact
            yield Trial(str(name), k, datasets[str(dataset)], int(seed), str(status), str(error or ""), numbers)
