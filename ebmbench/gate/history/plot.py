"""The series of a history as small multiples over commits, with the change points marked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ebmbench.contracts.records import Strategy
from ebmbench.gate.history.changes import Change
from ebmbench.gate.history.lines import Line, Series
from ebmbench.report.figures.canvas import SMALL, WIDTH, Page, caption_height, plain, style
from ebmbench.report.figures.ticks import round_ticks, words
from ebmbench.report.palette import STRATEGY_STYLE

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLUMNS = 3
LEFT, RIGHT, GAP, TOP, HEIGHT, FOOT = 0.42, 0.08, 0.42, 0.32, 0.8, 0.14
"""Inches: around the panels, between two, above each (its title), its height, and below it."""
MOST = 60
"""Panels of a page: those with change points come first where there are more."""
NAMED = 2
"""Change points of a panel whose factors stand at them: the last ones, if there are more."""
MOST_SHOWN = 1e100
"""An axis goes no farther."""
COURSE, CUT = STRATEGY_STYLE[Strategy.A1].color, STRATEGY_STYLE[Strategy.C1].color

Found = Sequence[tuple[Series, Sequence[Change]]]


def drawn(found: Found) -> Figure:
    """A panel a series."""
    shown = found
    if len(found) > MOST:
        shown = sorted(found, key=lambda one: not one[1])[:MOST]
    lines = {line.commit: line for series, _ in found for line in series.lines}
    commits = [
        line.commit for line in sorted(lines.values(), key=lambda line: (line.committed, line.date, line.commit))
    ]
    places = {commit: place for place, commit in enumerate(commits)}
    rows = -(-len(shown) // COLUMNS)
    width = (WIDTH - LEFT - RIGHT - (COLUMNS - 1) * GAP) / COLUMNS
    band, caption = TOP + HEIGHT + FOOT, _caption(found, shown, [lines[commit] for commit in commits])
    with style():
        page = Page.of(rows * band + caption_height(caption) + 0.1)
        for k, (series, cuts) in enumerate(shown):
            row, column = divmod(k, COLUMNS)
            left, top = LEFT + column * (width + GAP), TOP + row * band
            _title(page, left, top, series, several=len({one.place.suite for one, _ in found}) > 1)
            _panel(page.axes(left, top, width, HEIGHT), series, cuts, places)
        page.caption(caption, rows * band + 0.08)
    return page.figure


def _title(page: Page, left: float, top: float, series: Series, several: bool) -> None:
    """The method and the dataset, and below them what is drawn, in which unit, and of which machine."""
    place, unit = series.place, series.lines[-1].unit
    first = plain(f"{place.suite}: {place.name}" if several else place.name, 32)
    second = plain(" ".join(filter(None, [place.measure, f"({unit})" * bool(unit), place.machine])), 38)
    page.text(left, top - 0.03, f"{first}\n{second}", va="bottom", fontsize=SMALL, linespacing=1.1)


def _panel(axes: Axes, series: Series, cuts: Sequence[Change], places: dict[str, int]) -> None:
    """Medians and their spread; failures as crosses at the bottom, change points as broken lines with their factors."""
    ended = [(places[line.commit], line) for line in series.lines if line.median is not None]
    x = [place for place, _ in ended]
    middle = [line.median or 0.0 for _, line in ended]
    half = [line.spread or 0.0 for _, line in ended]
    ends = [*(m - h for m, h in zip(middle, half, strict=True)), *(m + h for m, h in zip(middle, half, strict=True))]
    axes.fill_between(x, ends[: len(x)], ends[len(x) :], color=COURSE, alpha=0.2, linewidth=0)
    drawstyle = "steps-mid" if series.exact else "default"
    axes.plot(x, middle, color=COURSE, marker="o", markersize=1.6, linewidth=0.8, drawstyle=drawstyle)
    low, high = _limits(ends)
    axes.set(xlim=(-0.5, max(len(places) - 0.5, 0.5)), ylim=(low, high))
    failed = [places[line.commit] for line in series.lines if line.median is None]
    axes.plot(failed, [low] * len(failed), "x", color=CUT, markersize=4, clip_on=False)
    for k, cut in enumerate(reversed(cuts)):
        at = places[cut.line.commit] - 0.5
        axes.axvline(at, color=CUT, linewidth=0.7, linestyle="--")
        if k < NAMED:
            words_of = f"x{cut.factor:.3g} {plain(cut.line.commit[:7])}"
            right = at > len(places) / 2
            place = (at, 0.98 - 0.13 * k)
            axes.text(
                *place, words_of + " " if right else " " + words_of, transform=axes.get_xaxis_transform(), color=CUT,
                fontsize=SMALL, ha="right" if right else "left", va="top",
            )  # fmt: skip
    axes.set_xticks([])
    ticks = round_ticks(low, high) if ended else []
    axes.set_yticks(ticks, labels=[words(tick) for tick in ticks])
    axes.tick_params(pad=1.5)
    axes.spines[["top", "right"]].set_visible(False)


def _limits(ends: Sequence[float]) -> tuple[float, float]:
    """What an axis shows: all, and some room; of a number that never moves a tenth of it to both sides."""
    if not ends:
        return 0.0, 1.0
    low, high = max(min(ends), -MOST_SHOWN), min(max(ends), MOST_SHOWN)
    room = 0.12 * (high - low)
    if high - low <= 1e-6 * max(abs(low), abs(high)):
        room = 0.1 * max(abs(low), abs(high)) or 1.0
    return low - room, high + room


def _caption(found: Found, shown: Found, lines: Sequence[Line]) -> str:
    first, last = lines[0], lines[-1]
    over = (
        f"{len(lines)} commits by their dates, {first.committed:%Y-%m-%d} to {last.committed:%Y-%m-%d}, evenly spaced"
    )
    rest = len(found) - len(shown)
    return " ".join(
        [
            f"{over}. Dots: medians over seeds; bands: half of their range to both sides; crosses: half of the trials "
            "or more failed. Broken lines: change points, with the factor and the first commit of the new level.",
            *[f"{rest} more series are not drawn, those with change points last: -k and --measure choose."]
            * bool(rest),
        ]
    )
