"""Where ticks stand and what they say: round numbers, and no mathematics."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def round_ticks(low: float, high: float) -> list[float]:
    """Two to five multiples of 1, 2 or 5 times a power of ten, away from the ends."""
    half = (high - low) / 2
    step = 10.0 ** np.floor(np.log10(0.95 * half))
    step *= max(k for k in (1, 2, 5) if k == 1 or k * step <= 0.95 * half)
    first = np.ceil((low + 0.02 * half) / step)
    return [float(k * step) + 0.0 for k in np.arange(first, first + 5) if k * step < high - 0.02 * half]


def logarithmic(axes: Axes, name: str) -> None:
    """A logarithmic axis whose ticks are words and no mathematics: 0.01, 3, 200k, 6M."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axis = axes.xaxis if name == "x" else axes.yaxis
    (axes.set_xscale if name == "x" else axes.set_yscale)("log")
    low, high = axis.get_view_interval()
    wide = high > 30 * low
    axis.set_major_locator(LogLocator(10, (1.0,) if wide else (1.0, 2.0, 5.0), numticks=6))
    axis.set_major_formatter(FuncFormatter(lambda value, _: words(value)))
    axis.set_minor_formatter(NullFormatter())


def words(value: float) -> str:
    """A number of a tick: thousands and millions by their letter."""
    for unit, letter in ((1e6, "M"), (1e3, "k")):
        if value >= unit:
            return f"{value / unit:,.4g}{letter}"
    return f"{value:.4g}"
