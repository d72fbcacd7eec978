"""Where the energy goes wrong: the best method of each strategy against the truth, on the plane and along a line."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ebmbench.analysis.summaries import MethodSummary
from ebmbench.contracts.records import Strategy
from ebmbench.report.figures.canvas import SMALL, WIDTH, Page, caption_height, plain, short, style
from ebmbench.report.figures.panels import DEPTH, DIFFERENCE, ENERGY, OFF, Panel, color_bar, extent
from ebmbench.report.figures.ticks import round_ticks
from ebmbench.report.palette import STRATEGY_STYLE
from ebmbench.report.pictures import Picture, judged, read_picture
from ebmbench.report.report import Report

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Array = NDArray[np.float64]

LEFT, RIGHT, GAP, HEAD, FOOT, BELOW, CUT = 0.42, 0.05, 0.05, 0.3, 0.2, 0.04, 0.55
"""Inches: at the sides, between panels, above and below a dataset; below a map, and the height of its cross-section."""
BARS = 0.4


@dataclass(frozen=True)
class Chosen:
    """The best method of a strategy on a dataset, by the median over seeds, and its picture."""

    method: MethodSummary
    picture: Picture
    number: float


def errors(report: Report) -> Figure | None:
    """A band a dataset, a column a strategy; None where no truth is known of any picture."""
    bands = {dataset: best for dataset, best in _bands(report) if best}
    if not bands:
        return None
    strategies = [s for s in Strategy if any(s in best for best in bands.values())]
    columns = 1 + len(strategies)
    side = min(1.3, (WIDTH - LEFT - RIGHT - (columns - 1) * GAP) / columns)
    band, words = HEAD + side + BELOW + CUT + FOOT, _caption(report)
    with style():
        page = Page.of(BARS + len(bands) * band + caption_height(words) + 0.05)
        color_bar(page, WIDTH / 2 - 1.9, 0.2, 1.5, ENERGY)
        color_bar(page, WIDTH / 2 + 0.4, 0.2, 1.5, DIFFERENCE)
        for k, (dataset, best) in enumerate(bands.items()):
            _band(page, BARS + k * band + HEAD, side, dataset, strategies, best)
        page.caption(words, BARS + len(bands) * band + 0.05)
    return page.figure


def _bands(report: Report) -> Iterator[tuple[str, dict[Strategy, Chosen]]]:
    """Of each dataset whose truth is known, the best of each strategy."""
    board = report.leaderboard
    for dataset, track in board.judged_by.items():
        metric, best = judged(track), dict[Strategy, Chosen]()
        for strategy in Strategy:
            members = [m for m in board.methods if m.strategy is strategy and not m.reference]
            numbers = [(value, m) for m in members if (value := m.median(metric, dataset, failures=False)) is not None]
            chosen = (
                _chosen(report, sorted(numbers, key=lambda pair: pair[0]), metric, dataset) if track.picture else None
            )
            if chosen is not None:
                best[strategy] = chosen
        yield dataset, best


def _chosen(report: Report, numbers: list[tuple[float, MethodSummary]], metric: str, dataset: str) -> Chosen | None:
    """The first of them that has a picture with a truth."""
    for number, method in numbers:
        name = method.middle(metric, dataset)
        picture = None if name is None else read_picture(report.trial(name), report.warn)
        if picture is not None and picture.truth is not None:
            return Chosen(method, picture, number)
    return None


def _band(
    page: Page, top: float, side: float, dataset: str, strategies: list[Strategy], best: dict[Strategy, Chosen]
) -> None:
    """The truth and where it is cut, then what each is off by, and the cross-sections below."""
    first = next(iter(best.values())).picture
    line, low = cut(first), first.low
    truth = Panel(page, LEFT, top, side, side)
    truth.truth(first, low)
    truth.ticked(first).set(xticklabels=[])
    page.text(LEFT + side / 2, top - 0.04, "truth", ha="center", va="bottom")
    page.text(0.04, top + side / 2, plain(dataset, 20), rotation=90, va="center")
    _section(page, LEFT, top + side + BELOW, side, first, line, None)
    _mark(truth, first, line)
    for k, strategy in enumerate(strategies):
        left = LEFT + (k + 1) * (side + GAP)
        panel = Panel(page, left, top, side, side)
        color, name = STRATEGY_STYLE[strategy].color, strategy.value
        if strategy not in best:
            panel.empty("no result")
        else:
            chosen = best[strategy]
            name = f"{plain(chosen.method.row, 17)}\n{strategy.value}"
            panel.difference(chosen.picture, low)
            panel.corner(short(chosen.number))
            _mark(panel, first, line)
            _section(page, left, top + side + BELOW, side, chosen.picture, line, color)
        page.text(
            left + side / 2, top - 0.04, name, ha="center", va="bottom", fontsize=SMALL, color=color, linespacing=1
        )


def cut(picture: Picture) -> int:
    """The row of the lattice along which the truth goes up and down most, within what is shown of it."""
    assert picture.truth is not None
    shown = np.minimum(picture.truth, picture.low + DEPTH)
    return int(np.abs(np.diff(shown, axis=1)).sum(1).argmax())


def _mark(panel: Panel, picture: Picture, row: int) -> None:
    """Where it is cut."""
    y = panel.top + panel.height * (1 - (row + 0.5) / len(picture.energy))
    panel.page.paper.plot([panel.left, panel.left + panel.width], [y, y], ":", color="black", linewidth=0.5)


def _section(page: Page, left: float, top: float, side: float, picture: Picture, row: int, color: str | None) -> None:
    """-log p and -log q along the line, in nats above the lowest of the truth."""
    assert picture.truth is not None
    start, end, _, _ = extent(picture)
    columns = picture.energy.shape[1]
    x = start + (np.arange(columns) + 0.5) / columns * (end - start)
    axes = page.axes(left, top, side, CUT, xlim=(start, end), ylim=(-1.5, DEPTH + 0.5))
    axes.set_xticks(round_ticks(start, end) if color is None and picture.box is not None else [])
    axes.tick_params(pad=1.5)
    axes.set_yticks([0, 5], labels=["0", "5"] if color is None else ["", ""])
    axes.plot(x, picture.truth[row] - picture.low, color="black", linewidth=0.6)
    if color is not None:
        axes.plot(x, np.minimum(picture.energy[row] - picture.low, 1e3), color=color, linewidth=1.1)
    else:
        axes.set_ylabel("nats", labelpad=1, fontsize=SMALL)


def _caption(report: Report) -> str:
    return (
        f"{plain(report.run.suite)}: where the energy goes wrong. Of each strategy the method that is best on the "
        "data, by the number in the panel (forward KL in nats at the temperature fitted on validation data, the "
        f"median over seeds); its seed with the median. Maps: log q - log p, clipped at {OFF:g} nats, gray where "
        "neither has mass to speak of. Below: -log p (black) and -log q (colored) along the dotted line, in nats "
        f"above the lowest of the truth, up to {DEPTH:g}."
    )
