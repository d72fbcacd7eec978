"""The search for the first bad place, over all places and all that can be unknown, in lists of up to eight."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection
from itertools import combinations

import pytest

from ebmbench.gate.searching import Judged, search

Search = Callable[[int, Callable[[int], Judged]], range]


def history(culprit: int, unknown: Collection[int], asked: list[int]) -> Callable[[int], Judged]:
    """A judge of a list that is bad from the culprit on; it notes what it is asked."""

    def judge(place: int) -> Judged:
        asked.append(place)
        if place in unknown:
            return Judged.SKIP
        return Judged.BAD if place >= culprit else Judged.GOOD

    return judge


def allowed(length: int, culprit: int, unknown: Collection[int]) -> range:
    """What can be known at best: from behind the last good place that can be judged to the first bad one."""
    good = [-1, *(place for place in range(culprit) if place not in unknown)]
    bad = [*(place for place in range(culprit, length - 1) if place not in unknown), length - 1]
    return range(good[-1] + 1, bad[0] + 1)


def faults(tried: Search, length: int) -> int:
    """How often a search is wrong, asks twice, asks about what is known or asks too much, over all histories."""
    wrong = 0
    for culprit in range(length):
        for count in range(length):
            for unknown in combinations(range(length - 1), count):
                asked: list[int] = []
                found = tried(length, history(culprit, unknown, asked))
                skips = len(set(asked) & set(unknown))
                wrong += not (
                    found == allowed(length, culprit, unknown)
                    and len(asked) == len(set(asked)) <= math.ceil(math.log2(length)) + skips
                    and all(0 <= place < length - 1 for place in asked)
                )
    return wrong


@pytest.mark.parametrize("length", range(1, 9))
def test_every_history(length: int) -> None:
    assert faults(search, length) == 0


def test_one_that_goes_through_the_list_would_be_seen() -> None:
    """The wrong twin is right in what it finds, and asks about every place before it."""

    def through(length: int, judge: Callable[[int], Judged]) -> range:
        good = -1
        for place in range(length - 1):
            match judge(place):
                case Judged.BAD:
                    return range(good + 1, place + 1)
                case Judged.GOOD:
                    good = place
        return range(good + 1, length)

    assert faults(through, 8) > 0


def test_one_that_takes_unknown_for_good_would_be_seen() -> None:
    def bold(length: int, judge: Callable[[int], Judged]) -> range:
        return search(length, lambda place: Judged.GOOD if judge(place) is Judged.SKIP else Judged.BAD)

    assert faults(bold, 4) > 0


def test_a_long_list() -> None:
    asked: list[int] = []
    assert search(1000, history(617, (), asked)) == range(617, 618)
    assert len(asked) <= 10
