"""How long the rest of a run will take, from the trials that have ended."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from statistics import median

from ebmbench.store.records import TrialView


class Forecast:
    """Seconds left: for each trial to come the median of its method so far, else of all methods.

    Args:
        trials: what is to be run.
        workers: how many run at a time.
    """

    def __init__(self, trials: Iterable[TrialView], workers: int) -> None:
        self.workers = workers
        self._waiting = {view.key: view.row for view in trials}
        self._seconds: dict[str, list[float]] = defaultdict(list)

    def learn(self, view: TrialView, seconds: float) -> None:
        """A trial of that method took so long (a trial of this run is then no longer waited for)."""
        self._waiting.pop(view.key, None)
        self._seconds[view.row].append(seconds)

    def left(self) -> float | None:
        """Seconds until all is done; None as long as nothing is known."""
        if not self._seconds:
            return None
        fallback = median(seconds for times in self._seconds.values() for seconds in times)
        total = sum(median(self._seconds[row]) if row in self._seconds else fallback for row in self._waiting.values())
        return total / max(1, min(self.workers, len(self._waiting) or 1))
