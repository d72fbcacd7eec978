"""The boards as forest plots side by side: how many times the best method's loss, with intervals, sorted."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ebmbench.analysis.boards import Board
from ebmbench.analysis.leaderboard import Leaderboard
from ebmbench.analysis.standings import Standing, Word, behind_best
from ebmbench.analysis.summaries import MethodSummary
from ebmbench.contracts.records import Strategy
from ebmbench.report.figures.canvas import LARGE, SMALL, WIDTH, Page, caption_height, plain, style
from ebmbench.report.figures.ticks import logarithmic
from ebmbench.report.palette import STRATEGY_STYLE
from ebmbench.report.report import Report
from ebmbench.report.text import ranks

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ROW, HEAD, FOOT, LEGEND = 0.165, 0.34, 0.42, 0.22
"""Inches: of a method, above and below the axes, and of the legend."""
NAMES, RANKS = 1.02, 0.78
"""Inches for names at the left, and for ranks and failures at the right."""
MOST = 1e6
"""Factors beyond this stand at the edge."""


def forest(report: Report) -> Figure | None:
    """A row a method, the best first; None where there is no board."""
    board = report.leaderboard
    if not board.boards:
        return None
    words, rows = _caption(board), max(len(one.standings) for one in board.boards)
    with style():
        page = Page.of(LEGEND + HEAD + rows * ROW + FOOT + caption_height(words))
        _legend(page, board)
        wide = WIDTH / len(board.boards)
        for k, one in enumerate(board.boards):
            height = len(one.standings) * ROW
            axes = page.axes(k * wide + NAMES, LEGEND + HEAD, wide - NAMES - RANKS, height)
            _draw(axes, board, one)
        page.caption(words, LEGEND + HEAD + rows * ROW + FOOT)
    return page.figure


def _draw(axes: Axes, board: Leaderboard, one: Board) -> None:
    """One board: names, dots of datasets, interval and mean, ranks, failures."""
    ordered, factors, edge = board.ordered(one), _factors(one), _edge(one)
    axes.set(xlim=(0.85, edge * 1.15), ylim=(len(ordered) - 0.5, -0.5), yticks=[])
    axes.set_title(plain(one.ruler.title), fontsize=LARGE, pad=14, loc="left")
    axes.text(0, 1, "times the best", transform=axes.transAxes, va="bottom", fontsize=SMALL, color="0.3")
    logarithmic(axes, "x")
    axes.grid(axis="x", color="0.9", linewidth=0.5)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.axvline(1, color="0.5", linewidth=0.6)
    right: dict[str, Any] = {
        "transform": axes.get_yaxis_transform(),
        "va": "center",
        "fontsize": SMALL,
        "clip_on": False,
    }
    axes.text(1.05, -0.85, "ranks", **right, color="0.3")
    for y, (standing, method) in enumerate(ordered):
        _row(axes, y, standing, method, np.asarray(factors[standing.row], dtype=np.float64), edge)
        weight = "bold" if standing.word is Word.BEST else "normal"
        color = STRATEGY_STYLE[method.strategy].color
        axes.text(-0.04, y, plain(standing.row, 20), **right, ha="right", fontweight=weight)
        axes.text(1.05, y, ranks(standing), **right, color=color if standing.word is Word.BEST else "black")
        failed = sum(method.failures.values())
        if failed:
            box = {"boxstyle": "round,pad=0.15", "facecolor": "#B00020", "edgecolor": "none"}
            axes.text(1.26, y, f"{failed}/{len(method.facts)}", **right, color="white", bbox=box)


def _row(axes: Axes, y: int, standing: Standing, method: MethodSummary, dots: np.ndarray, edge: float) -> None:
    look = STRATEGY_STYLE[method.strategy]
    dots = np.minimum(dots[~np.isnan(dots)], edge)
    axes.plot(dots, np.full(len(dots), y + 0.27), "o", color=look.color, alpha=0.55, markersize=2.2, markeredgewidth=0)
    factor = standing.factor
    if factor.low is not None and factor.high is not None:
        low, high = min(factor.low, edge), min(factor.high, edge)
        axes.plot([low, high], [y, y], color=look.color, linewidth=1.3, solid_capstyle="butt")
    at, filled = min(factor.value, edge), math.isfinite(factor.value)
    face = look.color if filled else "white"
    axes.plot(at, y, look.marker, color=look.color, markerfacecolor=face, markersize=4.5, clip_on=False)


def _factors(one: Board) -> pd.DataFrame:
    """A row a dataset, a column a method: how many times the best of that dataset; infinite where it failed."""
    with np.errstate(over="ignore"):
        return behind_best(one.losses).apply(np.exp)


def _edge(one: Board) -> float:
    """The largest factor that is drawn at its place."""
    ends = [end for s in one.standings for end in (s.factor.value, s.factor.high) if end is not None]
    found = [end for end in (*ends, *_factors(one).to_numpy(dtype=np.float64).ravel()) if math.isfinite(end)]
    return float(min(max([*found, 2.0]), MOST))


def _legend(page: Page, board: Leaderboard) -> None:
    """The strategies that stand on any board."""
    from matplotlib.lines import Line2D

    rows = {standing.row for one in board.boards for standing in one.standings}
    held = {method.strategy for method in board.methods if method.row in rows}
    found = [strategy for strategy in Strategy if strategy in held]
    marks = [
        Line2D([], [], linestyle="", marker=STRATEGY_STYLE[s].marker, color=STRATEGY_STYLE[s].color, markersize=4.5)
        for s in found
    ]
    labels = [strategy.value for strategy in found]
    place: dict[str, Any] = {"loc": "upper left", "bbox_to_anchor": (0.0, 1.0), "ncols": len(found)}
    page.figure.legend(marks, labels, **place, frameon=False, handletextpad=0.1, columnspacing=1.2)


def _caption(board: Leaderboard) -> str:
    rulers = " ".join(
        f"{plain(one.ruler.title)}: {plain(one.ruler.legend, 200)}." for one in board.boards if one.ruler.legend
    )
    return (
        f"{plain(board.suite)}: each method's loss over that of the best method on the same data. Marker: the "
        "geometric mean over datasets of medians over seeds; line: its 95 % interval, of a bootstrap over datasets "
        "and seeds; dots below: the datasets; at the right, the ranks that the interval allows. An empty marker at "
        f"the edge has failed; a red badge counts trials that did not end well. {rulers}"
    )
