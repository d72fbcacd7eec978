"""How long the rest of a run will take, from the trials that have ended."""

from __future__ import annotations

from bisect import insort
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median, quantiles

from ebmbench.store.records import TrialView

MIN_PAST = 4
"""Earlier trials that quartiles are taken of."""

Group = tuple[str, ...]
"""Trials that are held to take as long as each other: of a row and a dataset, of a row, or (empty) all of them."""


@dataclass(frozen=True)
class Estimate:
    """Seconds until all is done, between a low and a high; and what they are known from."""

    seconds: float
    low: float
    high: float
    workers: int
    past: int
    """Earlier trials that it is made from."""
    to_run: int
    strange: int
    """Of those to run, how many are of a method that was never timed."""

    def __str__(self) -> str:
        """``about 42 min (35 to 61 min) with 2 workers, from 180 earlier trials``."""
        size, unit = next((size, unit) for size, unit in UNITS if self.seconds >= 1.5 * size or size == 1)
        middle, low, high = (_rounded(seconds / size) for seconds in (self.seconds, self.low, self.high))
        band = f" ({low} to {high} {unit})" if low != high else ""
        known = f"{_count(self.workers, 'worker')}, from {_count(self.past, 'earlier trial')}"
        strange = f"; {self.strange} of {self.to_run} to run are of methods without a past" if self.strange else ""
        return f"about {middle} {unit}{band} with {known}{strange}"


UNITS = ((3600, "h"), (60, "min"), (1, "s"))


def _rounded(number: float) -> str:
    return f"{number:.1f}" if 0 < number < 10 and round(number, 1) % 1 else f"{number:.0f}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


class Forecast:
    """Seconds left: for each trial to come the median of its method so far on that dataset, else on all, else of all.

    Args:
        trials: what is to be run.
        workers: how many run at a time.
    """

    def __init__(self, trials: Iterable[TrialView], workers: int) -> None:
        self.workers = workers
        self._waiting = {view.key: (view.row, view.dataset) for view in trials}
        self._expected: dict[str, float] = {}
        self._seconds: dict[Group, list[float]] = defaultdict(list)

    def learn(self, view: TrialView, seconds: float) -> None:
        """A trial of this run has ended, and took so long: it is no longer waited for."""
        self._waiting.pop(view.key, None)
        if self._expected.pop(view.key, None) is None:  # what was only measured does not tell how long a training takes
            self.remember(view, seconds)

    def expect(self, view: TrialView, seconds: float) -> None:
        """A trial that is waited for will take so long, whatever others of its method took."""
        if self._waiting.pop(view.key, None) is not None:
            self._expected[view.key] = seconds

    def remember(self, view: TrialView, seconds: float) -> None:
        """An earlier trial of that method took so long; it may be waited for again."""
        for group in _groups(view.row, view.dataset):
            insort(self._seconds[group], seconds)

    def left(self) -> float | None:
        """Seconds until all is done; None as long as nothing is known."""
        found = self.estimate()
        return None if found is None else found.seconds

    def estimate(self) -> Estimate | None:
        """The seconds left and their band; None as long as nothing is known.

        The band is the time that would be left if all trials to come took the lower, or the upper, quartile of the
        earlier ones: as if all were fast or slow together, as they are on a machine that others use too. A cancelling
        of the differences, which would make the band of a large run as narrow as a line, is not counted on. Quartiles
        are of trials of the same row and dataset if there are four, else of the row, else of all.
        """
        if not self._seconds:
            return None
        bounds = {group: self._bounds(group) for group in set(self._waiting.values())}
        counts = Counter(self._waiting.values())
        low, middle, high = (self._shared(counts, {group: b[i] for group, b in bounds.items()}) for i in range(3))
        strange = sum(count for (row, _), count in counts.items() if (row,) not in self._seconds)
        past, to_run = len(self._seconds[()]), len(self._waiting) + len(self._expected)
        return Estimate(middle, low, high, self.workers, past, to_run, strange)

    def _shared(self, counts: Counter[tuple[str, str]], seconds: dict[tuple[str, str], float]) -> float:
        """Seconds in which the workers do it all, if each trial takes what its group takes; none is split."""
        total = sum(count * seconds[group] for group, count in counts.items()) + sum(self._expected.values())
        return max(total / self.workers, *seconds.values(), *self._expected.values(), 0.0)

    def _bounds(self, group: tuple[str, str]) -> tuple[float, float, float]:
        """Lower quartile, median and upper quartile of what a trial of a row and dataset takes."""
        known = [self._seconds[g] for g in _groups(*group) if g in self._seconds]
        typical = median(known[0])
        spread = next((times for times in known if len(times) >= MIN_PAST), known[-1])
        if len(spread) < 2:
            return typical, typical, typical
        lower, _, upper = quantiles(spread, n=4, method="inclusive")
        return min(lower, typical), typical, max(upper, typical)


def _groups(row: str, dataset: str) -> tuple[Group, Group, Group]:
    """The groups that a trial belongs to, the narrowest first."""
    return (row, dataset), (row,), ()
