"""The energy surfaces of all methods beside the truth, and below each how far it is off."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ebmbench.analysis.leaderboard import Leaderboard
from ebmbench.analysis.summaries import MethodSummary
from ebmbench.contracts.records import Status
from ebmbench.report.figures.canvas import NORMAL, WIDTH, Page, caption_height, plain, short, style
from ebmbench.report.figures.panels import DIFFERENCE, DIFFERENCES, ENERGY, SCALES, Panel, color_bar
from ebmbench.report.pictures import Picture, judged, read_picture
from ebmbench.report.report import Report

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLUMNS = 7
"""Panels beside each other: the truth, and one fewer methods."""
LEFT, RIGHT, GAP = 0.42, 0.05, 0.05
SIDE = (WIDTH - LEFT - RIGHT - (COLUMNS - 1) * GAP) / COLUMNS
"""Inches of a panel."""
HEAD, FOOT = 0.36, 0.14
"""Inches for the names above a block, and for what is below a dataset."""
STRIP = 0.55
"""Inches for the ticks and the color bar below test points."""


@dataclass(frozen=True)
class Gallery:
    """What there is to be drawn.

    Attributes:
        methods: in the order in which they stand.
        datasets: that have a picture.
        pictures: by method and dataset; None where there is none.
        words: what stands in a panel: the number, or why there is no picture.
    """

    methods: Sequence[MethodSummary]
    datasets: Sequence[str]
    pictures: Mapping[tuple[str, str], Picture | None]
    words: Mapping[tuple[str, str], str]

    def any(self, dataset: str) -> Picture:
        """A picture of that dataset, which knows the truth if any does."""
        return next(p for (_, name), p in self.pictures.items() if name == dataset and p is not None)

    def low(self, dataset: str) -> float:
        """What energies of a dataset are drawn above: the lowest of the truth, or the median of the methods' own."""
        lows = sorted(p.low for (_, name), p in self.pictures.items() if name == dataset and p is not None)
        return lows[len(lows) // 2]

    @property
    def compared(self) -> bool:
        """Whether there is a truth anywhere to differ from."""
        return any(self.any(dataset).truth is not None for dataset in self.datasets)


def surfaces(report: Report) -> Figure | None:
    """Blocks of methods, the best first; of each dataset the truth, then the median seed of each.

    None when no surface is stored.
    """
    gallery = gathered(report)
    if gallery is None:
        return None
    words = _caption(report.leaderboard, gallery)
    blocks = [gallery.methods[k : k + COLUMNS - 1] for k in range(0, len(gallery.methods), COLUMNS - 1)] or [()]
    heights = [_band(gallery, dataset) for dataset in gallery.datasets]
    with style():
        top = caption_height(words) + 0.06
        page = Page.of(top + len(blocks) * (HEAD + sum(heights)))
        page.caption(words, 0.06)
        for block in blocks:
            for k, dataset in enumerate(gallery.datasets):
                top += HEAD if k == 0 else 0
                _draw(page, top, gallery, dataset, block, titled=k == 0)
                top += heights[k]
    return page.figure


def gathered(report: Report) -> Gallery | None:
    """The pictures of the median seeds; None when there is none."""
    board = report.leaderboard
    methods = ordered(board)
    drawn = [dataset for dataset, track in board.judged_by.items() if track.picture]
    pictures, words = dict[tuple[str, str], Picture | None](), dict[tuple[str, str], str]()
    for method in methods:
        for dataset in drawn:
            metric = judged(board.judged_by[dataset])
            name = method.middle(metric, dataset)
            trial = None if name is None else report.trial(name)
            pictures[method.row, dataset] = None if trial is None else read_picture(trial, report.warn)
            words[method.row, dataset] = _failure(method, dataset) if name is None else _number(method, metric, name)
    datasets = [d for d in drawn if any(p for (_, name), p in pictures.items() if name == d)]
    return Gallery(methods, datasets, pictures, words) if datasets else None


def ordered(board: Leaderboard) -> list[MethodSummary]:
    """As on the board that most methods stand on, the best first; what stands on none after them, reference rows last.

    The oracle is left out: the truth is drawn already.
    """
    first = max(board.boards, key=lambda one: len(one.standings), default=None)
    places = {standing.row: k for k, standing in enumerate(first.standings)} if first else {}
    found = [method for method in board.methods if method.row != "oracle"]
    return sorted(found, key=lambda method: (method.reference, places.get(method.row, len(places))))


def _failure(method: MethodSummary, dataset: str) -> str:
    """Why there is nothing: how the first trial ended that did not end well."""
    ended = method.facts[method.facts["dataset"].astype(str) == dataset]["status"].astype(str)
    failed = ended[ended != Status.OK]
    return f"no result:\n{failed.iloc[0]}" if len(failed) else "no result"


def _number(method: MethodSummary, metric: str, name: str) -> str:
    """The metric of a trial; nothing where it was not measured."""
    value = float(method.values[metric][name]) if metric in method.values else math.nan
    return "" if math.isnan(value) else short(value)


def _caption(board: Leaderboard, gallery: Gallery) -> str:
    tracks = dict.fromkeys(board.judged_by[dataset] for dataset in gallery.datasets)
    numbers = " or ".join(dict.fromkeys(track.curve.title for track in tracks))
    first = max(board.boards, key=lambda one: len(one.standings), default=None)
    order = f' Methods stand in the order of the board "{first.ruler.title}", the best first.' if first else ""
    return (
        f"Energy surfaces, each at the temperature that fits validation data best. {SCALES} "
        f"{DIFFERENCES + ' ' if gallery.compared else ''}Number: {numbers} (nats) at that temperature, of the "
        f"seed with the median.{order}"
    )


def _band(gallery: Gallery, dataset: str) -> float:
    """Inches that a dataset takes."""
    return SIDE + FOOT + (GAP + SIDE if gallery.any(dataset).truth is not None else STRIP)


def _draw(page: Page, top: float, gallery: Gallery, dataset: str, block: Sequence[MethodSummary], titled: bool) -> None:
    """The truth and the methods of a block on one dataset, and the differences below."""
    known, truth = gallery.any(dataset), Panel(page, LEFT, top, SIDE, SIDE)
    truth.truth(known, gallery.low(dataset))
    truth.ticked(known).set_ylabel(plain(dataset, 24), fontsize=NORMAL, labelpad=1.5)
    if titled:
        words = "truth" if known.truth is not None else "test points"
        page.text(LEFT + SIDE / 2, top - 0.04, words, ha="center", va="bottom")
    left, width = LEFT + 0.06, SIDE - 0.12
    color_bar(page, left, top + SIDE + 0.31, width, ENERGY)
    if known.truth is not None:
        color_bar(page, left, top + SIDE + 0.69, width, DIFFERENCE)
    for k, method in enumerate(block):
        place = LEFT + (k + 1) * (SIDE + GAP)
        _column(page, (place, top), gallery, dataset, method)
        if titled:
            _title(page, (place + SIDE / 2, top - 0.04), method)


def _column(page: Page, place: tuple[float, float], gallery: Gallery, dataset: str, method: MethodSummary) -> None:
    """A method on a dataset."""
    (left, top), key, low = place, (method.row, dataset), gallery.low(dataset)
    panel, picture = Panel(page, left, top, SIDE, SIDE), gallery.pictures[key]
    if picture is None:
        panel.empty(gallery.words[key])
        return
    panel.energy(picture, low)
    panel.corner(gallery.words[key])
    if picture.truth is not None:
        Panel(page, left, top + SIDE + GAP, SIDE, SIDE).difference(picture, low)


def _title(page: Page, place: tuple[float, float], method: MethodSummary) -> None:
    """The name in two lines at most, and the strategy."""
    lines = broken(method.row)
    page.text(*place, "\n".join([*lines, method.strategy.value]), ha="center", va="bottom", linespacing=1.05)


def broken(name: str, width: int = 16) -> list[str]:
    """A name in two lines at most, broken at an underscore or bracket if there is one."""
    if len(name) <= width:
        return [plain(name)]
    cut = max((name.rfind(mark, 0, width) for mark in "_-[ "), default=-1)
    cut = cut + (name[cut : cut + 1] in "_- ") if cut > 3 else width - 1
    rest = name[cut:]
    return [plain(name[:cut]), plain(rest if len(rest) <= width else rest[: width - 1] + "…")]
