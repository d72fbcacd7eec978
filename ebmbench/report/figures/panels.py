"""The panels that surfaces are drawn in: energies on one scale, differences from the truth, test points, color bars."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ebmbench.report.figures.canvas import SMALL, Page
from ebmbench.report.figures.ticks import round_ticks
from ebmbench.report.pictures import Picture

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap

Array = NDArray[np.float64]

DEPTH = 7.0
"""Nats shown above the lowest energy of the truth: what lies higher is one color."""
BELOW = 1.0
"""Nats shown below it."""
OFF = 3.0
"""Nats of difference from the truth that are shown, either way."""
BEYOND = 1e6
"""Nats that stand for infinity in a picture."""


@dataclass(frozen=True)
class Scale:
    """Colors for numbers, with what lies beyond in the colors of its ends."""

    colors: str
    low: float
    high: float
    title: str

    def map(self) -> Colormap:
        """matplotlib's; what is masked is light gray."""
        import matplotlib

        return matplotlib.colormaps[self.colors].with_extremes(bad="0.92")


ENERGY = Scale("YlGnBu_r", -BELOW, DEPTH, "energy (nats)")
DIFFERENCE = Scale("RdBu_r", -OFF, OFF, "log q - log p (nats)")

SCALES = (
    f"Energies are -log q (of the truth -log p) in nats above the lowest of the truth; {DEPTH:g} nats above it, and "
    f"{BELOW:g} below, the color bar is clipped: its arrows stand for all beyond."
)
DIFFERENCES = (
    f"Below each, the difference from the truth, log q - log p in nats, clipped at {OFF:g}: red where the model has "
    f"too much mass, blue where too little, gray where neither has any to speak of (both energies above {DEPTH:g} "
    "nats)."
)


@dataclass(frozen=True)
class Panel:
    """A place for a picture, in inches from the upper left corner of a page."""

    page: Page
    left: float
    top: float
    width: float
    height: float

    def energy(self, picture: Picture, low: float) -> None:
        """-log q above ``low``."""
        self._image(picture.energy - low, ENERGY)

    def truth(self, picture: Picture, low: float) -> None:
        """-log p above ``low``; or test points, where it is not known."""
        if picture.truth is not None:
            self._image(picture.truth - low, ENERGY)
        elif picture.data is not None:
            self.over(picture).plot(picture.data[:, 0], picture.data[:, 1], ",", color="black", rasterized=True)
            self._frame()

    def difference(self, picture: Picture, low: float) -> None:
        """log q - log p, where either has mass to speak of."""
        self._image(difference(picture, low), DIFFERENCE)

    def empty(self, words: str) -> None:
        """What there is in the place of a picture."""
        self._frame()
        middle = self.left + self.width / 2, self.top + self.height / 2
        self.page.paper.text(*middle, words, ha="center", va="center", fontsize=SMALL, color="0.3")

    def corner(self, words: str) -> None:
        """A few letters, which can be read on any color."""
        box = {"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 0.8}
        place = self.left + 0.03, self.top + self.height - 0.035
        self.page.paper.text(*place, words, fontsize=SMALL, color="black", bbox=box)

    def over(self, picture: Picture, **facts: Any) -> Axes:
        """Axes over it in units of the data, or else of cells; nothing is drawn yet, and there are no ticks."""
        left, right, bottom, top = extent(picture)
        facts = {"facecolor": "none", "xticks": [], "yticks": [], **facts}
        axes = self.page.axes(self.left, self.top, self.width, self.height, **facts)
        axes.set(xlim=(left, right), ylim=(bottom, top), autoscale_on=False)
        return axes

    def ticked(self, picture: Picture) -> Axes:
        """Axes over it with ticks in units of the data, where the corners are known."""
        axes = self.over(picture)
        if picture.box is not None:
            axes.set_xticks(round_ticks(*picture.box[:, 0]))
            axes.set_yticks(round_ticks(*picture.box[:, 1]))
            axes.tick_params(labelsize=SMALL, pad=1.5)
        return axes

    def _image(self, values: Array | np.ma.MaskedArray[Any, Any], scale: Scale) -> None:
        """The rows upwards."""
        masked = np.ma.getmask(values)
        shown = np.clip(np.nan_to_num(np.ma.getdata(values), nan=BEYOND), -BEYOND, BEYOND).astype(np.float32)
        self.page.paper.imshow(
            np.ma.masked_array(shown, masked),
            origin="lower",
            cmap=scale.map(),
            vmin=scale.low,
            vmax=scale.high,
            extent=(self.left, self.left + self.width, self.top + self.height, self.top),
            interpolation="nearest" if masked is not np.ma.nomask else "bilinear",
            aspect="auto",
        )
        self._frame()

    def _frame(self) -> None:
        from matplotlib.patches import Rectangle

        place = (self.left, self.top)
        frame = Rectangle(place, self.width, self.height, fill=False, edgecolor="0.25", linewidth=0.6)
        self.page.paper.add_patch(frame)


def difference(picture: Picture, low: float) -> np.ma.MaskedArray[Any, Any]:
    """log q - log p (rows, columns), masked where both lie more than ``DEPTH`` above the lowest energy."""
    assert picture.truth is not None
    nothing = (picture.energy > low + DEPTH) & (picture.truth > low + DEPTH)
    return np.ma.masked_array(picture.truth - picture.energy, nothing)


def color_bar(page: Page, left: float, top: float, width: float, scale: Scale) -> None:
    """A horizontal one; it is pointed at both ends, for the colors of what lies beyond."""
    from matplotlib.colorbar import ColorbarBase
    from matplotlib.colors import Normalize

    axes, norm = page.axes(left, top, width, 0.07), Normalize(scale.low, scale.high)
    bar = ColorbarBase(axes, cmap=scale.map(), norm=norm, orientation="horizontal", extend="both")
    marks = [scale.low, (scale.low + scale.high) / 2, scale.high]
    bar.set_ticks(marks, labels=[f"{mark:g}" for mark in marks])
    axes.tick_params(labelsize=SMALL, pad=1.5)
    axes.set_title(scale.title, fontsize=SMALL, pad=2.5)


def extent(picture: Picture) -> tuple[float, float, float, float]:
    """Left, right, bottom and top of the lattice, in units of the data or else of cells."""
    if picture.box is None:
        rows, columns = picture.energy.shape
        return -0.5, columns - 0.5, -0.5, rows - 0.5
    (left, bottom), (right, top) = picture.box
    return float(left), float(right), float(bottom), float(top)
