"""Ticks: round numbers inside of the ends, and words on logarithmic axes."""

from __future__ import annotations

import numpy as np
import pytest

from ebmbench.report.figures.canvas import Page, style
from ebmbench.report.figures.ticks import logarithmic, round_ticks, words


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (-4, 4, [-2, 0, 2]),
        (-5, 5, [-4, -2, 0, 2, 4]),
        (-6, 6, [-5, 0, 5]),
        (0, 1, [0.2, 0.4, 0.6, 0.8]),
        (-3, 3, [-2, 0, 2]),
    ],
)
def test_ticks_are_round(low: float, high: float, expected: list[float]) -> None:
    assert round_ticks(low, high) == pytest.approx(expected)


@pytest.mark.parametrize("scale", [1e-3, 0.7, 1.0, 33.0, 1e5])
@pytest.mark.parametrize("shift", [-2.0, 0.0, 0.3])
def test_there_are_a_few_within_the_ends(scale: float, shift: float) -> None:
    low, high = scale * (shift - 1), scale * (shift + 1)
    found = round_ticks(low, high)
    assert 2 <= len(found) <= 5
    assert all(low <= tick <= high for tick in found)
    assert np.ptp(np.diff(found)) == pytest.approx(0, abs=1e-9 * scale)


@pytest.mark.parametrize(
    ("value", "text"), [(0.01, "0.01"), (3, "3"), (200_000, "200k"), (6e6, "6M"), (1e9, "1,000M"), (1e-5, "1e-05")]
)
def test_numbers_of_ticks(value: float, text: str) -> None:
    assert words(value) == text


def test_a_logarithmic_axis_says_words() -> None:
    with style():
        axes = Page.of(2.0).axes(0.5, 0.2, 3, 1, xlim=(0.9, 2e4), ylim=(0.8, 8))
        logarithmic(axes, "x")
        logarithmic(axes, "y")
        axes.figure.canvas.draw()
        labels = [text.get_text() for text in axes.get_xticklabels()]
        narrow = [text.get_text() for text in axes.get_yticklabels()]
    assert {"1", "10", "100", "1k", "10k"} <= set(labels)
    assert {"1", "2", "5"} <= set(narrow)
    assert not any("$" in label for label in [*labels, *narrow])
