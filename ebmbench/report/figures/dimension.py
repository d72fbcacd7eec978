"""Quality against the number of dimensions: the curve of every method over datasets that differ in it alone."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ebmbench.analysis.leaderboard import Leaderboard
from ebmbench.analysis.summaries import MethodSummary
from ebmbench.contracts.records import Column, Strategy, Track
from ebmbench.report.figures.canvas import LARGE, NORMAL, WIDTH, Page, caption_height, plain, style
from ebmbench.report.figures.ticks import logarithmic
from ebmbench.report.palette import STRATEGY_STYLE
from ebmbench.report.report import Report

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

VARIED = re.compile(r"(?P<family>.+?)\[(?:.*,)?dim=(?P<dim>\d+)(?:,.*)?\]")
"""A dataset of a grid over its dimension, as a run names it."""
SHOWN = 2
"""Columns of the track, the headline first."""
COLUMNS = 4
LEFT, RIGHT, GAP, HEAD, TOP, HEIGHT, FOOT = 0.5, 0.1, 0.14, 0.24, 0.2, 1.2, 0.34
"""Inches: around the panels, between two, above a block and each panel, its height, and below it."""
NAMED = 4
LOOKS = ("-", "--", ":", "-.")
LEAST = 1e-4
"""What a number below it is drawn at where the axis is logarithmic."""


@dataclass(frozen=True)
class Family:
    """Datasets that differ in their dimension alone: names by dimension, rising."""

    name: str
    track: Track
    members: dict[int, str]


@dataclass(frozen=True)
class Curve:
    """A method over dimensions: at each the median, the least and the largest over seeds."""

    method: MethodSummary
    dims: list[int]
    middle: list[float]
    low: list[float]
    high: list[float]


def dimension(report: Report) -> Figure | None:
    """A block for each of the first columns, a panel a strategy; None where no dataset varies in dimension."""
    found = families(report.leaderboard)
    if not found:
        return None
    family = max(found, key=lambda one: len(one.members))
    blocks = [(column, curves(report.leaderboard, family, column)) for column in family.track.columns[:SHOWN]]
    strategies = [s for s in Strategy if any(c.method.strategy is s for _, held in blocks for c in held)]
    if not strategies:
        return None
    rows = -(-len(strategies) // COLUMNS)
    block, words = HEAD + rows * (TOP + HEIGHT + FOOT), _caption(report, family)
    with style():
        page = Page.of(len(blocks) * block + caption_height(words) + 0.05)
        for k, (column, held) in enumerate(blocks):
            page.text(0.08, k * block + 0.06, plain(f"{family.name}: {column.title}"), fontsize=LARGE)
            _block(page, k * block + HEAD, strategies, held, k == 0 and family.track.better == "up")
        page.caption(words, len(blocks) * block + 0.05)
    return page.figure


def families(board: Leaderboard) -> list[Family]:
    """Those of two dimensions or more, in the order of the suite."""
    found: dict[str, Family] = {}
    for name, track in board.judged_by.items():
        if match := VARIED.fullmatch(name):
            held = found.setdefault(match["family"], Family(match["family"], track, {}))
            held.members[int(match["dim"])] = name
    return [Family(f.name, f.track, dict(sorted(f.members.items()))) for f in found.values() if len(f.members) > 1]


def curves(board: Leaderboard, family: Family, column: Column) -> list[Curve]:
    """The methods with a number in two dimensions or more."""
    found = []
    for method in board.methods:
        metric = column.of(method.kind)
        strata = {d: values for d, name in family.members.items() for values in method.strata(metric, [name])}
        held = {d: [value for value in values if np.isfinite(value)] for d, values in strata.items()}
        held = {d: values for d, values in held.items() if values}
        if len(held) > 1:
            middle = [float(np.median(values)) for values in held.values()]
            found.append(
                Curve(method, list(held), middle, list(map(min, held.values())), list(map(max, held.values())))
            )
    return found


def _block(page: Page, top: float, strategies: Sequence[Strategy], found: Sequence[Curve], share: bool) -> None:
    """The panels of one column."""
    columns = min(COLUMNS, len(strategies))
    width = (WIDTH - LEFT - RIGHT - (columns - 1) * GAP) / columns
    for k, strategy in enumerate(strategies):
        row, place = divmod(k, COLUMNS)
        axes = page.axes(LEFT + place * (width + GAP), top + TOP + row * (TOP + HEIGHT + FOOT), width, HEIGHT)
        _draw(axes, strategy, found, share)
        if place:
            axes.set_yticklabels([])
        axes.set_xlabel("dimensions", labelpad=1)


def _draw(axes: Axes, strategy: Strategy, found: Sequence[Curve], share: bool) -> None:
    """A strategy's methods by their own line and name, with their range over seeds; all others gray."""
    look = STRATEGY_STYLE[strategy]

    def shown(values: Sequence[float]) -> list[float]:
        return list(values) if share else [max(value, LEAST) for value in values]

    for curve in found:
        axes.plot(curve.dims, shown(curve.middle), color="0.85", linewidth=0.6, zorder=1)
    own = [curve for curve in found if curve.method.strategy is strategy]
    lines: dict[str, Any] = {"color": look.color, "marker": look.marker, "markersize": 3, "linewidth": 1.2}
    for curve, line in zip(own, (*LOOKS, *LOOKS), strict=False):
        axes.plot(curve.dims, shown(curve.middle), line, label=plain(curve.method.row, 18), **lines)
        axes.vlines(curve.dims, shown(curve.low), shown(curve.high), color=look.color, linewidth=0.8, alpha=0.6)
    _limits(axes, found, share)
    axes.set_title(strategy.value, fontsize=NORMAL, pad=3, color=look.color, loc="left")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(loc="best", frameon=True, framealpha=0.8, edgecolor="none", borderpad=0.1, handlelength=1.8)


def _limits(axes: Axes, found: Sequence[Curve], share: bool) -> None:
    """The same for all panels: shares from nothing to one, all else on a logarithmic axis."""
    dims = sorted({d for curve in found for d in curve.dims})
    axes.set_xlim(dims[0] / 1.2, dims[-1] * 1.2)
    logarithmic(axes, "x")
    axes.set_xticks(dims, labels=[str(d) for d in dims])
    axes.minorticks_off()
    if share:
        axes.set_ylim(-0.05, 1.05)
        return
    values = [max(value, LEAST) for curve in found for value in (*curve.low, *curve.high)]
    axes.set_ylim(min(values) / 1.5, max(values) * 1.5)
    logarithmic(axes, "y")


def _caption(report: Report, family: Family) -> str:
    titles = " and ".join(plain(column.title) for column in family.track.columns[:SHOWN])
    return (
        f"{plain(report.run.suite)}: {titles} of {plain(family.name)} against its number of dimensions, at one budget; "
        "ranking energies at the temperature fitted on validation data. Curve: the median over seeds; vertical lines: "
        f"their range. Numbers below {LEAST:g} stand there on a logarithmic axis; a number that is n/a is left out. "
        "Each panel is a strategy, those of the others gray."
    )
