"""What all figures are drawn on: a page of inches, one style, files that are the same for the same numbers."""

from __future__ import annotations

import io
import math
import textwrap
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ebmbench.contracts.records import ReporterSpec
from ebmbench.errors import UsageError, sentence
from ebmbench.store.files import replacing

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH = 7.0
"""Inches: what a page of a journal has room for."""
SMALL, NORMAL, LARGE = 6.0, 7.0, 8.0
"""Points: no letter is smaller than the first."""
DPI = 130

FORMATS = ("png", "svg", "pdf")
_METADATA: dict[str, dict[str, Any]] = {
    "png": {"Software": None},
    "svg": {"Date": None, "Creator": None},
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
}
"""No dates and no versions inside."""
_STYLE: dict[str, Any] = {
    "axes.edgecolor": "0.25",
    "axes.labelsize": NORMAL,
    "axes.linewidth": 0.6,
    "axes.titlesize": NORMAL,
    "font.family": "DejaVu Sans",
    "font.size": NORMAL,
    "legend.fontsize": SMALL,
    "lines.linewidth": 1.0,
    "pdf.fonttype": 42,
    "svg.hashsalt": "ebmbench",
    "text.usetex": False,
    "xtick.labelsize": SMALL,
    "xtick.major.size": 2.0,
    "xtick.major.width": 0.5,
    "xtick.minor.size": 1.2,
    "ytick.labelsize": SMALL,
    "ytick.major.size": 2.0,
    "ytick.major.width": 0.5,
    "ytick.minor.size": 1.2,
}


@contextmanager
def style() -> Iterator[None]:
    """Draw and write within, whatever the settings of a person's own matplotlib."""
    import matplotlib

    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        with matplotlib.rc_context(_STYLE), warnings.catch_warnings():  # type: ignore[arg-type]
            warnings.filterwarnings("ignore", "Glyph .* missing")  # a letter that the font does not have is a box
            yield


@dataclass(frozen=True)
class Page:
    """A figure on which places are given in inches from its upper left corner."""

    figure: Figure
    width: float
    height: float

    @classmethod
    def of(cls, height: float, width: float = WIDTH) -> Page:
        """An empty one."""
        from matplotlib.figure import Figure

        return cls(Figure(figsize=(width, height), facecolor="white"), width, height)

    def axes(self, left: float, top: float, width: float, height: float, **facts: Any) -> Axes:
        """Axes at a place."""
        place = (left / self.width, 1 - (top + height) / self.height, width / self.width, height / self.height)
        found: Axes = self.figure.add_axes(place, **facts)
        return found

    @cached_property
    def paper(self) -> Axes:
        """All of the page as axes in inches, downwards: a hundred panels on one are drawn sooner than on a hundred."""
        found = self.axes(0, 0, self.width, self.height, xlim=(0, self.width), ylim=(self.height, 0), zorder=-1)
        found.set_axis_off()
        found.set_autoscale_on(False)
        return found

    def text(self, left: float, top: float, words: str, **facts: Any) -> None:
        """Words whose upper left corner is at a place."""
        style = {"ha": "left", "va": "top", "fontsize": NORMAL, **facts}
        self.figure.text(left / self.width, 1 - top / self.height, words, **style)

    def caption(self, words: str, top: float, left: float = 0.08) -> None:
        """A paragraph over the width of the page."""
        self.text(left, top, wrapped(words, self.width - 2 * left), linespacing=1.3, color="0.2")


LINE = 1.3 * NORMAL * 1.17 / 72
"""Inches from a line of a caption to the next."""


def wrapped(words: str, width: float) -> str:
    """In lines of so many inches, of letters of the normal size."""
    return "\n".join(textwrap.wrap(words, int(width * 72 / (0.545 * NORMAL)), break_on_hyphens=False))


def caption_height(words: str, width: float = WIDTH - 0.16) -> float:
    """Inches that a caption needs."""
    return LINE * (1 + wrapped(words, width).count("\n")) + 0.05


def plain(text: str, limit: int = 60) -> str:
    """Text that matplotlib does not read as mathematics, of a bounded length and without control characters."""
    return sentence(text, limit).replace("$", r"\$")


def short(value: float) -> str:
    """Two significant digits."""
    if not math.isfinite(value):
        return "inf" if value > 0 else "-inf"
    if abs(value) >= 10:
        return f"{float(f'{value:.2g}'):,.0f}"
    digits = 1 if value == 0 else max(1, 1 - math.floor(math.log10(abs(value))))
    return f"{value:.{min(digits, 4)}f}"


def written(figure: Figure, kind: str = "png") -> bytes:
    """A figure as a png, svg or pdf."""
    buffer = io.BytesIO()
    with style():
        figure.savefig(buffer, dpi=DPI, format=kind, metadata=_METADATA[kind])
    return buffer.getvalue()


def save(figure: Figure, path: Path) -> None:
    """Write it as its suffix says, beside, then rename."""
    with replacing(path) as temporary:
        temporary.write_bytes(written(figure, kind_of(path.suffix) or "png"))


def kind_of(suffix: str) -> str:
    """The format of a suffix (``.svg``); empty where there is none.

    Raises:
        UsageError: if a figure cannot be written so.
    """
    kind = suffix.removeprefix(".").lower()
    if kind and kind not in FORMATS:
        raise UsageError(f"a figure is written as png, svg or pdf, and not as '{kind}'")
    return kind


def content(found: str | bytes | Figure, reporter: ReporterSpec, path: Path | None = None) -> str | bytes:
    """What a reporter gave, as it is written to a file.

    A figure is written as the suffix of the file says; without one as that of the reporter's product does, or its name,
    or else as a png.

    Raises:
        UsageError: if a figure cannot be written so.
    """
    if isinstance(found, str | bytes):
        return found
    named = reporter.name if reporter.name in FORMATS else "png"
    kind = kind_of(path.suffix if path else "") or kind_of(Path(reporter.product).suffix) or named
    made = written(found, kind)
    return made.decode() if kind == "svg" else made
