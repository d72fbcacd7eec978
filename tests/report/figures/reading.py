"""What tests read off a figure."""

from __future__ import annotations

import numpy as np
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.text import Text
from numpy.typing import NDArray

from ebmbench.report.figures.canvas import DPI


def letters(figure: Figure) -> list[Text]:
    """All that is written on it, ticks too, once it is drawn as it is written to a file."""
    figure.set_dpi(DPI)
    figure.canvas.draw()
    shown = [axes for axes in figure.axes if axes.axison]
    along = [(k, axis) for axes in shown for k, axis in enumerate((axes.xaxis, axes.yaxis))]
    ticks = [label for k, axis in along for label in axis.get_ticklabels() if _is_shown(axis, label.get_position()[k])]
    return [*figure.texts, *(text for axes in figure.axes for text in axes.texts), *ticks]


def _is_shown(axis: Axis, place: float) -> bool:
    """Whether a tick lies within the ends: those beyond are kept, and not drawn."""
    low, high = sorted(axis.get_view_interval())
    return bool(low <= place <= high)


def smallest(figure: Figure) -> float:
    """The size in points of its smallest letter."""
    return min(float(text.get_fontsize()) for text in letters(figure))


def outside(figure: Figure) -> list[str]:
    """What does not stand on the page, by a pixel or more."""
    found, (width, height) = letters(figure), figure.get_size_inches() * DPI
    boxes = [(text, text.get_window_extent()) for text in found]
    return [
        text.get_text()
        for text, box in boxes
        if text.get_text() and not (box.x0 > -1 and box.x1 < width + 1 and box.y0 > -1 and box.y1 < height + 1)
    ]


def points(line: Line2D) -> NDArray[np.float64]:
    """Its points (n, 2)."""
    return np.asarray(line.get_xydata(), dtype=np.float64)
