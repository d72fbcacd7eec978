"""One color and one marker for each strategy, the same in every figure and on every page."""

from __future__ import annotations

from typing import NamedTuple

from ebmbench.contracts.records import Strategy


class Style(NamedTuple):
    """How a strategy looks.

    Attributes:
        color: hexadecimal, ``#rrggbb``.
        marker: what matplotlib calls the shape.
        shape: one word for it; a ``wedge`` is a triangle that stands on its point.
    """

    color: str
    marker: str
    shape: str


STRATEGY_STYLE: dict[Strategy, Style] = {
    Strategy.C1: Style("#D55E00", "o", "circle"),
    Strategy.C2: Style("#E69F00", "s", "square"),
    Strategy.C3: Style("#CC79A7", "^", "triangle"),
    Strategy.A1: Style("#0072B2", "D", "diamond"),
    Strategy.A2: Style("#56B4E9", "v", "wedge"),
    Strategy.A3: Style("#009E73", "P", "plus"),
    Strategy.A4: Style("#5C5300", "*", "star"),
    Strategy.REFERENCE: Style("#6B6B6B", "X", "cross"),
}
"""The palette of Okabe and Ito (2008), which color-blind readers tell apart.

Its yellow cannot be read on white; A4 has a dark olive instead, the lightest that keeps away from vermilion under
protanopia and deuteranopia. Color never stands alone: the shape says the same.
"""
