"""Quality against budget: the curve of every method over the passes it had spent, a panel a strategy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ebmbench.analysis.summaries import MethodSummary
from ebmbench.contracts.records import Column, Status, Strategy, Track, flat_name
from ebmbench.report.figures.canvas import NORMAL, WIDTH, Page, caption_height, plain, style
from ebmbench.report.figures.ticks import logarithmic
from ebmbench.report.palette import STRATEGY_STYLE
from ebmbench.report.report import Report

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Array = NDArray[np.float64]

COLUMNS = 4
LEFT, RIGHT, GAP, TOP, HEIGHT, FOOT = 0.5, 0.1, 0.12, 0.24, 1.45, 0.32
"""Inches: around the panels, between two, above each, its height, and below it."""
POINTS = 33
"""On a curve: it is interpolated on so many passes, evenly spaced on a logarithmic axis."""
NAMED = 3
"""The best methods of a strategy, whose names stand at their curves."""
LOOKS = ("-", "--", ":")


@dataclass(frozen=True)
class Curve:
    """A method over its training.

    Attributes:
        method: which.
        passes: spent (n,).
        values: the mean over datasets (n,), geometric where numbers are ratios, of medians over seeds.
    """

    method: MethodSummary
    passes: Array
    values: Array


def budget(report: Report) -> Figure | None:
    """Small multiples over strategies, all others in gray behind; None where nothing has milestones."""
    track = _track(report)
    found = [] if track is None else curves(report, track)
    if track is None or not found:
        return None
    strategies = [s for s in Strategy if any(curve.method.strategy is s for curve in found)]
    words = _caption(report, track, found)
    rows = -(-len(strategies) // COLUMNS)
    columns = min(COLUMNS, len(strategies))
    width = (WIDTH - LEFT - RIGHT - (columns - 1) * GAP) / columns
    with style():
        page = Page.of(rows * (TOP + HEIGHT + FOOT) + caption_height(words) + 0.05)
        for k, strategy in enumerate(strategies):
            row, column = divmod(k, COLUMNS)
            top = TOP + row * (TOP + HEIGHT + FOOT)
            axes = page.axes(LEFT + column * (width + GAP), top, width, HEIGHT)
            _draw(axes, strategy, found, bool(track.targets))
            if column:
                axes.set_yticklabels([])
            else:
                axes.set_ylabel(f"{track.curve.title} (nats)", labelpad=2)
            axes.set_xlabel("passes", labelpad=1)
        page.caption(words, rows * (TOP + HEIGHT + FOOT) + 0.05)
    return page.figure


def _track(report: Report) -> Track | None:
    """The track of the first dataset that has one whose curves are drawn."""
    return next(iter(report.leaderboard.judged_by.values()), None)


def curves(report: Report, track: Track) -> list[Curve]:
    """The methods that have a curve on every dataset that any has one on, whose track draws the same."""
    board, column = report.leaderboard, track.curve
    alike = [dataset for dataset, other in board.judged_by.items() if other.curve == column]
    points = _points(report, alike, column)
    competing = [method for method in board.methods if not method.reference]
    traces = {m.row: _traces(m, points, column) for m in competing}
    held = [dataset for dataset in alike if any(dataset in each for each in traces.values())]
    complete = [m for m in competing if held and all(dataset in traces[m.row] for dataset in held)]
    made = [_mean(m, [traces[m.row][d] for d in held], bool(track.targets)) for m in complete]
    return [curve for curve in made if curve is not None]


def _points(report: Report, datasets: Sequence[str], column: Column) -> pd.DataFrame:
    """A row a milestone of a trial that ended well: name, dataset, seed, metric (flat), passes, value."""
    trials, metrics = report.trials, report.metrics
    ended = trials[(trials["status"] == Status.OK.value) & trials["dataset"].isin(datasets)]
    names = metrics["metric"].astype(str), metrics["variant"].fillna("").astype(str)
    flat = pd.Series([flat_name(*pair) for pair in zip(*names, strict=True)], metrics.index, dtype=object)
    held = metrics.assign(flat=flat)[flat.isin([column.metric, column.ranking]) & metrics["passes"].gt(0)]
    held = held.dropna(subset=["value"]).drop_duplicates(["trial", "flat", "passes"], keep="last")
    return ended[["trial", "name", "dataset"]].merge(held[["trial", "flat", "passes", "value"]], on="trial")


def _traces(method: MethodSummary, points: pd.DataFrame, column: Column) -> dict[str, list[tuple[Array, Array]]]:
    """Of each dataset the (passes, values) of the seeds that have a curve."""
    mine = points[points["name"].isin(method.facts.index) & (points["flat"] == column.of(method.kind))]
    found = dict[str, list[tuple[Array, Array]]]()
    for (dataset, _), part in mine.groupby(["dataset", "name"], sort=False):
        ordered = part.sort_values("passes")
        if len(ordered) > 1:
            trace = tuple(ordered[key].to_numpy(dtype=np.float64) for key in ("passes", "value"))
            found.setdefault(str(dataset), []).append(trace)  # type: ignore[arg-type]
    return found


def _mean(method: MethodSummary, traces: Sequence[Sequence[tuple[Array, Array]]], ratios: bool) -> Curve | None:
    """From the passes at which all of its trials have begun; a training that ended early keeps its value."""
    first = max(passes[0] for seeds in traces for passes, _ in seeds)
    last = max(passes[-1] for seeds in traces for passes, _ in seeds)
    if first >= last:
        return None
    grid = np.geomspace(first, last, POINTS)
    levels = [
        np.median(
            [np.interp(np.log(grid), np.log(passes), _scaled(values, ratios)) for passes, values in seeds], axis=0
        )
        for seeds in traces
    ]
    mean = np.mean(levels, axis=0)
    return Curve(method, grid, np.exp(mean) if ratios else mean)


def _scaled(values: Array, ratios: bool) -> Array:
    return np.asarray(np.log(np.maximum(values, 1e-12))) if ratios else values


def _draw(axes: Axes, strategy: Strategy, found: Sequence[Curve], ratios: bool) -> None:
    """A strategy: its best methods by their own line and name, the rest of it thin, all others gray."""
    look = STRATEGY_STYLE[strategy]
    mark: dict[str, Any] = {
        "marker": look.marker,
        "markersize": 3,
        "markevery": [-1],
        "color": look.color,
        "linewidth": 1.4,
    }
    own = sorted((c for c in found if c.method.strategy is strategy), key=lambda curve: float(curve.values[-1]))
    for curve in found:
        axes.plot(curve.passes, curve.values, color="0.85", linewidth=0.6, zorder=1)
    for curve in own[NAMED:]:
        axes.plot(curve.passes, curve.values, color=look.color, linewidth=0.6, alpha=0.6, zorder=2)
    for curve, line in zip(own, LOOKS, strict=False):
        axes.plot(curve.passes, curve.values, line, label=plain(curve.method.row, 18), **mark)
    _limits(axes, found, ratios)
    more = f", {len(own)} methods" if len(own) > 1 else ""
    axes.set_title(f"{strategy.value}{more}", fontsize=NORMAL, pad=3, color=look.color, loc="left")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(loc="upper right", frameon=True, framealpha=0.8, edgecolor="none", borderpad=0.1, handlelength=1.8)


def _limits(axes: Axes, found: Sequence[Curve], ratios: bool) -> None:
    """The same for all panels."""
    passes = np.concatenate([curve.passes for curve in found])
    values = np.concatenate([curve.values for curve in found])
    values = values[np.isfinite(values)]
    axes.set_xlim(passes.min() / 1.15, passes.max() * 1.3)
    logarithmic(axes, "x")
    if ratios and len(values):
        room = max(2.0, float(values.max() / values.min()) ** 0.35)  # for the names
        axes.set_ylim(values.min() / 1.5, values.max() * room)
        logarithmic(axes, "y")
    elif len(values):
        low, high = np.quantile(values, [0, 0.98])
        axes.set_ylim(low - 0.05 * (high - low), high + 0.2 * (high - low) + 1e-9)


def _caption(report: Report, track: Track, found: Sequence[Curve]) -> str:
    mean = "geometric mean" if track.targets else "mean"
    fitted = "; ranking energies at the temperature fitted on validation data" if track.curve.ranking else ""
    drawn = {curve.method.row for curve in found}
    left = [plain(m.row, 24) for m in report.leaderboard.methods if not m.reference and m.row not in drawn]
    missing = f" Without a curve on every dataset: {', '.join(left)}." if left else ""
    return (
        f"{plain(report.run.suite)}: {track.curve.title} on the way of the training, the {mean} over datasets of "
        f"medians over seeds{fitted}; a training that ended early keeps its value. A pass is the work of one row "
        f"forward through the shared network. Each panel is a strategy: its best {NAMED} methods at the end by name, "
        f"its others thin, those of the other strategies gray.{missing}"
    )
