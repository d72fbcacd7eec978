"""One trial, or one dataset, as a picture of its own."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ebmbench.contracts.dataset import Dataset
from ebmbench.contracts.domain import Box
from ebmbench.contracts.records import Track, flat_name
from ebmbench.errors import UsageError
from ebmbench.report.figures.canvas import LARGE, NORMAL, SMALL, Page, plain, save, short, style
from ebmbench.report.figures.panels import DIFFERENCE, ENERGY, Panel, color_bar
from ebmbench.report.figures.ticks import logarithmic
from ebmbench.report.pictures import Picture, read_picture
from ebmbench.store.runs import TrialResult

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SIDE, GAP, TOP, LEFT = 1.42, 0.1, 0.5, 0.35
"""Inches: a panel, between two, above and left of them."""
HEIGHT = 2.5
CELLS = 300
"""A side of the lattice on which a dataset is drawn."""
SAMPLES = 5000


def draw_trial(trial: TrialResult, track: Track, path: Path) -> bool:
    """One trial as a picture: its surface beside the truth, the difference, and its curves.

    False when it has no surface.
    """
    picture = read_picture(trial) if track.picture else None
    if picture is None:
        return False
    save(_trial(trial, track, picture), path)
    return True


def _trial(trial: TrialResult, track: Track, picture: Picture) -> Figure:
    number = trial.values.get(track.curve.ranking or track.curve.metric)
    with style():
        page = Page.of(HEIGHT)
        page.text(0.08, 0.06, plain(trial.view.name, 100), fontsize=LARGE)
        first, second, third = (Panel(page, LEFT + k * (SIDE + GAP), TOP, SIDE, SIDE) for k in range(3))
        first.truth(picture, picture.low)
        first.ticked(picture)
        second.energy(picture, picture.low)
        _titled(second, f"{plain(trial.view.row, 24)}, β = {short(picture.beta)}")
        if number is not None:
            second.corner(short(number))
        _titled(first, "truth" if picture.truth is not None else "test points")
        color_bar(page, second.left + 0.2, TOP + SIDE + 0.22, SIDE - 0.4, ENERGY)
        if picture.truth is not None:
            third.difference(picture, picture.low)
            _titled(third, "difference")
            color_bar(page, third.left + 0.2, TOP + SIDE + 0.22, SIDE - 0.4, DIFFERENCE)
        else:
            third.empty("the truth is not known")
        left = third.left + SIDE + 0.48
        _curves(page.axes(left, TOP, page.width - left - 0.1, SIDE), trial, track)
    return page.figure


def _titled(panel: Panel, words: str) -> None:
    panel.page.text(panel.left + panel.width / 2, panel.top - 0.04, words, ha="center", va="bottom")


def _curves(axes: Axes, trial: TrialResult, track: Track) -> None:
    """The track's curve at milestones, raw and at the fitted temperature."""
    axes.set_title(f"{track.curve.title} (nats)", fontsize=NORMAL, pad=3)
    measured = False
    for metric, look in ((track.curve.metric, "-o"), (track.curve.ranking, "--s")):
        points = [(p.passes, p.value) for p in trial.curve if flat_name(p.metric, p.variant) == metric]
        measured |= bool(points)
        # an axis with nothing that it can show is refused when it is drawn
        shown = [
            (x, y) for x, y in points if x > 0 and y is not None and math.isfinite(y) and (y > 0 or not track.targets)
        ]
        if shown:
            axes.plot(*zip(*shown, strict=True), look, markersize=2.5, label=plain(metric))
    if not axes.lines:
        axes.set(xticks=[], yticks=[])
        words = "nothing to draw" if measured else "not trained"
        axes.text(0.5, 0.5, words, ha="center", va="center", fontsize=SMALL, transform=axes.transAxes)
        return
    logarithmic(axes, "x")
    if track.targets:
        logarithmic(axes, "y")
    axes.set_xlabel("passes", labelpad=1.5)
    axes.legend(frameon=False)


def draw_dataset(name: str, dataset: Dataset, path: Path) -> None:
    """A dataset as a picture: 5000 of its samples, and its energy -log p on its domain where it has one.

    Of one y given one x, that of the plane of x and y; of two y given x, the law at the middle of the context.

    Raises:
        UsageError: if it does not live on the plane.
    """
    import torch

    if isinstance(dataset.context, Box) and dataset.domain.dim == 2:
        middle = dataset.context.middle
        name, dataset = f"{name}, x = {', '.join(map(short, middle))}", dataset.at(torch.tensor(middle))
    spaces = [space for space in (dataset.context, dataset.domain) if space is not None]
    axes = [axis for space in spaces if isinstance(space, Box) for axis in zip(space.low, space.high, strict=True)]
    if len(axes) != 2:
        count = sum(space.dim for space in spaces)
        raise UsageError(f"a picture is drawn of the plane only; '{name}' has {count} coordinates")
    box = Box(*zip(*axes, strict=True))
    drawn = dataset.sample(SAMPLES, torch.Generator().manual_seed(0))
    y = torch.cat([part.double() for part in (drawn.x, drawn.y) if part is not None], -1).numpy()
    energy = np.full((CELLS, CELLS), np.inf)
    if dataset.has_density:
        points = box.support(CELLS).points
        x = None if dataset.context is None else points[:, :1]
        energy = -dataset.log_prob(points[:, -dataset.domain.dim :], x).double().numpy().reshape(CELLS, CELLS).T
    picture = Picture(energy, None, 1.0, np.array([box.low, box.high]), y)
    side, wide = 2.9, dataset.has_density
    with style():
        page = Page.of(side + 1.1, 0.5 + (side + GAP) * (1 + wide) + 0.05)
        page.text(0.08, 0.06, plain(name), fontsize=LARGE)
        panels = [Panel(page, 0.45 + k * (side + GAP), TOP, side, side) for k in range(1 + wide)]
        panels[-1].truth(picture, 0.0)
        _titled(panels[-1], f"{SAMPLES} samples")
        if wide:
            panels[0].energy(picture, picture.low)
            _titled(panels[0], "-log p above its lowest")
            color_bar(page, panels[0].left + 0.6, TOP + side + 0.25, side - 1.2, ENERGY)
        panels[0].ticked(picture)
    save(page.figure, path)
