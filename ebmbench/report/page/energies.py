"""Surfaces for the page: eight bits a cell, deflated, as many as a page of bearable size can hold."""

from __future__ import annotations

import base64
import math
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from ebmbench.report.pictures import Array, Picture, judged, read_picture
from ebmbench.report.report import Report

STEP = 1 / 16
"""Nats that a step of a byte stands for."""
BELOW = 2.0
"""Nats below the lowest energy of the truth at which the bytes begin."""
SIDES = ((100, 200), (600, 100))
"""Up to so many surfaces have so many cells along an edge."""
FILM_SIDE = 50
"""Cells along an edge of a milestone, and of a surface where there are more of them still."""
CAP = 6_000_000
"""Characters that all surfaces together may take."""


@dataclass(frozen=True)
class Still:
    """A surface: of which method, dataset and seed it is, and where its bytes and those of its milestones are."""

    method: int
    dataset: int
    seed: int
    blob: int
    beta: float
    film: tuple[int, ...] = ()
    passes: tuple[float, ...] = ()


@dataclass(frozen=True)
class Backdrop:
    """What all pictures of a dataset share.

    Attributes:
        dataset: which.
        low: the energy in nats that a byte of zero stands for.
        box: the corners of the domain (low 1, low 2, high 1, high 2); empty where nothing says.
        blob: the bytes of -log p; None where it is not known.
        judged: the metric that the pictures are of.
        points: test points in its place, in widths of the domain, one coordinate after the other.
    """

    dataset: int
    low: float
    box: tuple[float, ...]
    blob: int | None
    judged: str
    points: tuple[float, ...] = ()


@dataclass(frozen=True)
class Gallery:
    """All pictures of the page.

    Attributes:
        side: cells along an edge of a surface.
        backdrops: of the datasets.
        stills: those of the seed with the median before all others.
        blobs: deflated bytes in base64, row by row from the lowest second coordinate.
        left_out: what there was no room for, in words.
        step: nats that a step of a byte stands for.
        film_side: cells along an edge of a milestone.
    """

    side: int = 0
    backdrops: tuple[Backdrop, ...] = ()
    stills: tuple[Still, ...] = ()
    blobs: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    step: float = STEP
    film_side: int = FILM_SIDE


def encoded(energy: Array, low: float, side: int) -> str:
    """An energy as deflated bytes in base64: steps of ``STEP`` from ``low``, 255 for what lies higher or is no number.

    Args:
        energy: (rows, columns) in nats.
        low: the energy of a byte of zero.
        side: cells along an edge; that of several cells is of the density's mean over them.
    """
    steps = np.round((_shrunk(energy, side) - low) / STEP)
    found = np.clip(np.nan_to_num(steps, nan=255.0, posinf=255.0), 0, 255).astype(np.uint8)
    return deflated(found.tobytes())


def deflated(content: bytes) -> str:
    """What ``DecompressionStream("deflate")`` reads, in base64."""
    return base64.b64encode(zlib.compress(content, 9)).decode()


def _shrunk(energy: Array, side: int) -> Array:
    rows = len(energy)
    if rows <= side or rows % side:
        chosen = (np.arange(side) * rows) // side if rows > side else np.arange(rows).repeat(-(-side // rows))[:side]
        return energy[np.ix_(chosen, chosen)]
    f = rows // side
    blocks = energy.reshape(side, f, side, f)
    with np.errstate(under="ignore"):
        return np.asarray(np.log(f * f) - np.logaddexp.reduce(np.logaddexp.reduce(-blocks, axis=3), axis=1))


class _Hanging:
    """A gallery as it is filled: the median seed of each method and dataset, then milestones, then other seeds."""

    def __init__(self, report: Report, cap: int) -> None:
        self.report, self.room = report, cap
        board = report.leaderboard
        self.drawn = [name for name, track in board.judged_by.items() if track.picture]
        self.datasets = {name: k for k, name in enumerate(board.datasets)}
        count = len(board.methods) * len(self.drawn)
        self.side = next((side for most, side in SIDES if count <= most), FILM_SIDE)
        self.blobs, self.backdrops = list[str](), dict[str, Backdrop]()
        self.stills, self.films = list[Still](), list[list[str]]()
        self.left_out = list[str]()

    def done(self) -> Gallery:
        """All that there is room for."""
        hung = {name for k, name in self._middles() if self._hang(k, name, film=True)}
        self._roll()
        for k, name in self._names():
            if name in hung:
                continue
            if self.room < self.side**2 // 2:
                self.left_out.append("seeds other than that with the median")
                break
            self._hang(k, name)
        return Gallery(
            self.side, tuple(self.backdrops.values()), tuple(self.stills), tuple(self.blobs), tuple(self.left_out)
        )

    def _names(self) -> Iterator[tuple[int, str]]:
        """The trials that may have a picture, each with the place of its method."""
        for k, method in enumerate(self.report.leaderboard.methods):
            datasets = method.facts["dataset"].astype(str)
            yield from ((k, str(name)) for name in method.facts.index if datasets[name] in self.drawn)

    def _middles(self) -> Iterator[tuple[int, str]]:
        """Of each method and dataset that with the median."""
        board = self.report.leaderboard
        for k, method in enumerate(board.methods):
            for dataset in self.drawn:
                name = method.middle(judged(board.judged_by[dataset]), dataset)
                if name is not None:
                    yield k, name

    def _hang(self, method: int, name: str, film: bool = False) -> bool:
        """Put a trial's surface on the page, its milestones aside; False when it has none."""
        trial = self.report.trial(name)
        picture = read_picture(trial, self.report.warn, film)
        if picture is None:
            return False
        dataset = trial.view.dataset
        low = self._backdrop(dataset, picture).low
        blob = self._put(encoded(picture.energy, low, self.side))
        beta, passes = float(f"{picture.beta:.4g}"), picture.film.passes if picture.film else ()
        self.stills.append(Still(method, self.datasets[dataset], trial.view.seed, blob, beta, passes=passes))
        frames = picture.film.frames if picture.film else ()
        self.films.append([encoded(frame, low, FILM_SIDE) for frame in frames])
        return True

    def _roll(self) -> None:
        """Put the milestones on the page, as many methods' as there is room for."""
        for k, frames in enumerate(self.films):
            if sum(map(len, frames)) > self.room:
                self.left_out.append("the milestones of some methods")
                self.stills[k:] = [replace(still, passes=()) for still in self.stills[k:]]
                return
            self.stills[k] = replace(self.stills[k], film=tuple(map(self._put, frames)))

    def _backdrop(self, dataset: str, picture: Picture) -> Backdrop:
        """That of a dataset; of the first picture, where it is new."""
        if dataset not in self.backdrops:
            low = math.floor(picture.low - BELOW)
            box = () if picture.box is None else tuple(float(x) for x in picture.box.ravel())
            number = judged(self.report.leaderboard.judged_by[dataset])
            blob = None if picture.truth is None else self._put(encoded(picture.truth, low, self.side))
            self.backdrops[dataset] = Backdrop(self.datasets[dataset], low, box, blob, number, _points(picture))
        return self.backdrops[dataset]

    def _put(self, text: str) -> int:
        self.blobs.append(text)
        self.room -= len(text)
        return len(self.blobs) - 1


def gallery(report: Report, cap: int = CAP) -> Gallery:
    """The pictures of a run.

    Args:
        report: the run.
        cap: characters that surfaces and milestones may take; what there is no room for is named. The median seed of
            each method and dataset is always there.
    """
    return _Hanging(report, cap).done()


def _points(picture: Picture) -> tuple[float, ...]:
    """The test points in widths of the domain, one coordinate after the other."""
    if picture.data is None or picture.box is None:
        return ()
    places = (picture.data[:1000] - picture.box[0]) / (picture.box[1] - picture.box[0])
    return tuple(float(f"{x:.4f}") for x in places.ravel())
