"""The lecture's own figures, drawn of trained surfaces: the wells of k-means, the map of a denoiser, chains downhill.

All is made of the stored lattices of energies: points of data are drawn from the truth's, slopes are differences of
neighboring cells.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ebmbench.report.figures.canvas import SMALL, WIDTH, Page, caption_height, plain, style
from ebmbench.report.figures.panels import BEYOND, Panel, extent
from ebmbench.report.pictures import Picture, read_picture
from ebmbench.report.report import Report
from ebmbench.store.runs import TrialResult

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Array = NDArray[np.float64]

DATASET = "pink_spiral"
"""The lecture's own; another takes its place where the run does not have it."""
WELLS = ("kmeans",)
MAP = ("dae_plain", "dae")
CHAINS = ("cd_kick", "cd_k", "pcd", "mle_langevin")
"""The methods of each figure, the first that the run has."""
PINK = "#E0218A"
LEFT, GAP, TOP, FOOT = 0.3, 0.28, 0.32, 0.28
"""Inches: around the panels, and between two."""
SIDE = (WIDTH - LEFT - 0.05 - 2 * GAP) / 3
POINTS, ARROWS, STARTS, STEPS = 400, 13, 14, 40
"""Points of data; arrows along a side; chains, and their steps."""
KICK, RATE = 0.12, 0.008
"""Of the side of a panel: how far a chain is thrown, and how far it steps at most."""
FLAT = 40.0
"""Nats over a side: a slope below this makes a step shorter."""
STEEP = 1e3
"""Nats above the lowest energy from which on it is flat: there may be infinities."""
CONTOURS, DEEP = 12, 0.002
"""How many, and the lowest as a share of the highest."""
AROUND = 1.7
"""The side of a panel over that of the data in it."""


def lecture(report: Report) -> Figure | None:
    """The pink spiral and its wells, the topographic map, the trajectories of contrastive divergence.

    Each is drawn if the run has a trial of its methods; None if it has none.
    """
    wanted = ((WELLS, _wells, "Wells"), (MAP, _map, "Topographic map"), (CHAINS, _chains, "Contrastive divergence"))
    found = [(found, draw, title) for methods, draw, title in wanted if (found := _find(report, methods)) is not None]
    if not found:
        return None
    words = _caption([title for *_, title in found])
    with style():
        page = Page.of(TOP + SIDE + FOOT + caption_height(words))
        for k, ((trial, picture), draw, title) in enumerate(found):
            panel = Panel(page, LEFT + k * (SIDE + GAP), TOP, SIDE, SIDE)
            axes = panel.ticked(picture)
            _window(axes, picture)
            draw(axes, picture)
            name = f"{title}: {plain(trial.view.row, 20)} on {plain(trial.view.dataset, 16)}"
            page.text(panel.left, TOP - 0.05, name, va="bottom", fontsize=SMALL)
        page.caption(words, TOP + SIDE + FOOT)
    return page.figure


def _find(report: Report, methods: Sequence[str]) -> tuple[TrialResult, Picture] | None:
    """The first trial of the first of these methods with a picture and a truth; on the lecture's dataset if any."""
    ranked = [
        (methods.index(view.method), view.dataset != DATASET, k)
        for k, view in enumerate(report.run.trials)
        if view.method in methods
    ]
    for *_, k in sorted(ranked, key=lambda key: (key[1], key[0], _plain_row(report, key[2]), key[2])):
        trial = report.trial(report.run.trials[k].name)
        picture = read_picture(trial, report.warn)
        if picture is not None and picture.truth is not None:
            return trial, picture
    return None


def _plain_row(report: Report, k: int) -> bool:
    """Whether a row is the plain one of its method: a labeled one, as ``kmeans_20``, was made for the figure."""
    view = report.run.trials[k]
    return view.row == view.method


def _wells(axes: Axes, picture: Picture) -> None:
    """Contours of the energy, its minima, and data in pink."""
    _contours(axes, picture)
    axes.plot(*points_of(picture, POINTS).T, ".", color=PINK, markersize=1.6, zorder=3)
    axes.plot(*minima(picture).T, "o", color="black", markersize=3, zorder=4)


def _map(axes: Axes, picture: Picture) -> None:
    """Contours, data, and arrows down the slope, as long as its root."""
    _contours(axes, picture)
    axes.plot(*points_of(picture, POINTS).T, ".", color=PINK, markersize=1.6, zorder=3)
    (left, right), (bottom, top) = axes.get_xlim(), axes.get_ylim()
    sides = [low + (np.arange(ARROWS) + 0.5) / ARROWS * (high - low) for low, high in ((left, right), (bottom, top))]
    places = np.stack(np.meshgrid(*sides), -1).reshape(-1, 2)
    slope = -Slope.of(picture).at(places)
    size = np.linalg.norm(slope, axis=1, keepdims=True)
    spacing = (right - left) / ARROWS
    shown = slope / np.maximum(size, 1e-12) * 0.9 * spacing * np.sqrt(np.minimum(size / np.quantile(size, 0.9), 1))
    axes.quiver(*places.T, *shown.T, angles="xy", scale_units="xy", scale=1, color="#0072B2", width=0.005, zorder=4)


def _chains(axes: Axes, picture: Picture) -> None:
    """From points of data, a kick, and the way down from there, at whose end the energy is pushed up."""
    _contours(axes, picture)
    axes.plot(*points_of(picture, POINTS).T, ".", color=PINK, markersize=1.6, zorder=2)
    starts, (left, right) = points_of(picture, STARTS, seed=1), axes.get_xlim()
    for start, chain in zip(starts, np.moveaxis(downhill(picture, starts, right - left), 1, 0), strict=True):
        axes.plot(*np.stack([start, chain[0]]).T, ":", color="0.3", linewidth=0.8, zorder=3)
        axes.plot(*chain.T, color="#009E73", linewidth=1.2, zorder=4)
        axes.plot(*start, "o", color=PINK, markersize=3.2, zorder=5)
        axes.plot(*chain[-1], "X", color="#009E73", markersize=3.5, zorder=5)


def _contours(axes: Axes, picture: Picture) -> None:
    """Evenly spaced on a logarithmic scale, over what is shown of the energy."""
    from matplotlib.colors import LogNorm

    x, y = _middles(picture)
    (left, right), (bottom, top) = axes.get_xlim(), axes.get_ylim()
    above = np.minimum(picture.energy - picture.energy.min(), BEYOND)
    shown = above[np.ix_((y >= bottom) & (y <= top), (x >= left) & (x <= right))]
    levels = np.geomspace(DEEP, 1, CONTOURS) * float(np.quantile(shown, 0.98))
    norm = LogNorm(levels[0], 4 * levels[-1])
    axes.contour(x, y, np.maximum(above, levels[0] / 2), levels=levels, cmap="YlGnBu_r", norm=norm, linewidths=0.6)


def _middles(picture: Picture) -> tuple[Array, Array]:
    """Of the cells, along the first coordinate and the second."""
    left, right, bottom, top = extent(picture)
    rows, columns = picture.energy.shape
    return left + (np.arange(columns) + 0.5) / columns * (right - left), bottom + (np.arange(rows) + 0.5) / rows * (
        top - bottom
    )


def _window(axes: Axes, picture: Picture) -> None:
    """Show the data, and as much again around them."""
    points = points_of(picture, POINTS)
    low, high = points.min(0), points.max(0)
    middle, half = (low + high) / 2, AROUND * float((high - low).max()) / 2
    left, right, bottom, top = extent(picture)
    half = min(half, (right - left) / 2, (top - bottom) / 2)
    middle = np.clip(middle, [left + half, bottom + half], [right - half, top - half])
    axes.set(xlim=(middle[0] - half, middle[0] + half), ylim=(middle[1] - half, middle[1] + half))


def points_of(picture: Picture, n: int, seed: int = 0) -> Array:
    """Points (n, 2) drawn from the truth: cells by their mass, and a uniform place in them."""
    assert picture.truth is not None
    rng = np.random.default_rng(seed)
    mass = np.exp(picture.truth.min() - picture.truth).ravel()
    row, column = np.unravel_index(rng.choice(mass.size, n, p=mass / mass.sum()), picture.truth.shape)
    cells = np.stack([column, row], 1) + rng.random((n, 2))
    return _placed(picture, cells)


def _placed(picture: Picture, cells: Array) -> Array:
    """From units of cells, counted from the corner, to those of the data."""
    left, right, bottom, top = extent(picture)
    rows, columns = picture.energy.shape
    low, high = np.array([left, bottom]), np.array([right, top])
    return np.asarray(low + cells / np.array([columns, rows]) * (high - low))


def minima(picture: Picture) -> Array:
    """The middles (n, 2) of the cells that lie below all eight around them; nothing at the border."""
    energy, middle = picture.energy, picture.energy[1:-1, 1:-1]
    rows, columns = energy.shape
    around = [
        energy[1 + i : rows - 1 + i, 1 + j : columns - 1 + j]
        for i in (-1, 0, 1)
        for j in (-1, 0, 1)
        if (i, j) != (0, 0)
    ]
    row, column = np.nonzero(np.all([middle < other for other in around], axis=0))
    return _placed(picture, np.stack([column + 1.5, row + 1.5], 1))


@dataclass(frozen=True)
class Slope:
    """The gradient of a stored energy, interpolated between the middles of its cells.

    Attributes:
        low: the middle of the first cell (2,).
        step: from one middle to the next (2,).
        parts: in nats per unit (rows, columns, 2).
    """

    low: Array
    step: Array
    parts: Array

    @classmethod
    def of(cls, picture: Picture) -> Slope:
        """By differences of neighbors."""
        x, y = _middles(picture)
        dy, dx = np.gradient(np.minimum(picture.energy, picture.energy.min() + STEEP), y, x)
        return cls(np.array([x[0], y[0]]), np.array([x[1] - x[0], y[1] - y[0]]), np.stack([dx, dy], -1))

    def at(self, places: Array) -> Array:
        """The gradient (n, 2) at places (n, 2); beyond the lattice that of its border."""
        rows, columns, _ = self.parts.shape
        cells = np.clip((places - self.low) / self.step, 0, [columns - 1 - 1e-9, rows - 1 - 1e-9])
        (j, i), (u, v) = cells.astype(int).T, (cells % 1).T[..., None]
        below = (1 - u) * self.parts[i, j] + u * self.parts[i, j + 1]
        above = (1 - u) * self.parts[i + 1, j] + u * self.parts[i + 1, j + 1]
        return np.asarray((1 - v) * below + v * above)


def downhill(picture: Picture, starts: Array, side: float, seed: int = 2) -> Array:
    """The places (1 + steps, n, 2) of descents from points thrown from these, by bounded steps down the slope.

    Args:
        picture: whose energy they go down.
        starts: (n, 2).
        side: the unit of a throw and of a step.
        seed: of the throws.
    """
    slope, rng = Slope.of(picture), np.random.default_rng(seed)
    angle = rng.uniform(0, 2 * np.pi, len(starts))
    path = [starts + KICK * side * np.stack([np.cos(angle), np.sin(angle)], 1)]
    for _ in range(STEPS):
        down = slope.at(path[-1])
        size = np.linalg.norm(down, axis=1, keepdims=True)
        path.append(path[-1] - RATE * side * down / np.maximum(size, FLAT / side))
    return np.stack(path)


SAID = {
    "Wells": "Wells: the minima (black) are where k-means has its prototypes, each a quadratic well.",
    "Topographic map": "Topographic map: arrows go down the slope of the energy, as long as its root.",
    "Contrastive divergence": (
        "Contrastive divergence: from a point of data a random kick (dotted), then down the energy (green); training "
        "pushes up where that ends (crosses)."
    ),
}


def _caption(titles: Sequence[str]) -> str:
    said = " ".join(SAID[title] for title in titles)
    return (
        f"The lecture's figures, of trained surfaces. Contours of the energy above its lowest, {CONTOURS} on a "
        f"logarithmic scale, dark is low; pink: points of the true density. {said} Slopes and chains are computed on "
        "the stored lattice of energies."
    )
