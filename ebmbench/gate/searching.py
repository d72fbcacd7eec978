"""Where in a list things went bad: a search that is told good, bad or unknown of each place that it asks about."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum


class Judged(StrEnum):
    """What is said of one place."""

    GOOD = "good"
    BAD = "bad"
    SKIP = "skip"
    """Nobody can tell."""


def search(length: int, judge: Callable[[int], Judged]) -> range:
    """The places of which one is the first bad one, if all before it are good and all after it are bad.

    What came before the list is known to be good, and its last place to be bad: neither is judged. Of the places that
    are neither known nor skipped, the one in the middle is next, so that ``n`` places take ``ceil(log2 n)`` judgements,
    and one more for each that is skipped.

    Args:
        length: of the list, at least 1.
        judge: what is to be said of a place; it is asked once.

    Returns:
        one place; several where those between a good and a bad one were all skipped.
    """
    good, bad = -1, length - 1
    skipped: set[int] = set()
    while waiting := [place for place in range(good + 1, bad) if place not in skipped]:
        place = waiting[len(waiting) // 2]
        match judge(place):
            case Judged.GOOD:
                good = place
            case Judged.BAD:
                bad = place
            case Judged.SKIP:
                skipped.add(place)
    return range(good + 1, bad + 1)
