"""Next frames: the past, the futures that there are, their average, and what each method foresees."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ebmbench.analysis.summaries import MethodSummary
from ebmbench.errors import UsageError
from ebmbench.report.figures.canvas import SMALL, WIDTH, Page, caption_height, plain, short, style
from ebmbench.report.figures.surfaces import ordered
from ebmbench.report.pictures import DAMAGE, Array
from ebmbench.report.report import Report
from ebmbench.store.runs import TrialResult

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LEFT, GAP, BETWEEN, NUMBER = 1.15, 0.03, 0.22, 0.4
"""Inches: for the names, between two frames, between two scenes, and for the number at the end of a row."""
HEAD, ROW = 0.42, 0.06
"""Inches above a block, and between two rows."""
WORDS = (
    "What comes next, as each method foresees it: of two pasts (the first frames of each block) the true futures with "
    "their odds, and the average of these, which is all that least squares can learn. Below them guesses: decoded "
    "codes or draws where a method has any, else ends of descents of its energy from draws of the linear prediction. "
    "At the right {number}, of the median seed."
)


@dataclass(frozen=True)
class Clip:
    """What is drawn of one trial.

    Attributes:
        past: (n, frames, rows, columns).
        futures: (n, K, frames, rows, columns).
        weights: (n, K).
        guesses: (n, k, frames, rows, columns).
    """

    past: Array
    futures: Array
    weights: Array
    guesses: Array

    @property
    def mean(self) -> Array:
        """The averages of the futures (n, frames, rows, columns)."""
        return np.asarray(np.einsum("nk,nk...->n...", self.weights, self.futures))


@dataclass(frozen=True)
class Reel:
    """One dataset.

    Attributes:
        dataset: its name.
        clips: by method, in their order; None where there is nothing to be shown.
        numbers: by method.
    """

    dataset: str
    clips: Mapping[str, Clip | None]
    numbers: Mapping[str, str]

    @property
    def any(self) -> Clip:
        """One of them, for what they have in common."""
        return next(clip for clip in self.clips.values() if clip is not None)


def frames(report: Report) -> Figure | None:
    """A block for each dataset that is judged by its next frames; None where there is none."""
    reels = _reels(report)
    if not reels:
        return None
    number = report.leaderboard.judged_by[reels[0].dataset].headline.title.rstrip(" ↑↓")
    words = WORDS.format(number=number)
    most = max(clip.guesses.shape[1] for reel in reels for clip in reel.clips.values() if clip is not None)
    scenes = len(reels[0].any.past)
    side = (WIDTH - LEFT - NUMBER - (scenes - 1) * BETWEEN) / (scenes * most) - GAP
    heights = [HEAD + (1 + len(reel.clips)) * (side + ROW) + 0.15 for reel in reels]
    with style():
        top = caption_height(words) + 0.06
        page = Page.of(top + sum(heights))
        page.caption(words, 0.06)
        for reel, height in zip(reels, heights, strict=True):
            _Block(page, top, side, most, reel).draw()
            top += height
    return page.figure


def _reels(report: Report) -> list[Reel]:
    board = report.leaderboard
    found = []
    for dataset, track in board.judged_by.items():
        if track.picture != "frames":
            continue
        metric, methods = track.headline.metric, ordered(board)
        names = {method.row: method.middle(metric, dataset) for method in methods}
        clips = {row: None if name is None else read_clip(report.trial(name), report) for row, name in names.items()}
        numbers = {method.row: _number(method, metric, names[method.row]) for method in methods}
        if any(clips.values()):
            found.append(Reel(dataset, clips, numbers))
    return found


def _number(method: MethodSummary, metric: str, name: str | None) -> str:
    return "no result" if name is None else short(float(method.values[metric][name]))


def read_clip(trial: TrialResult, report: Report) -> Clip | None:
    """What a trial foresees; None where it says nothing, or (a warning is given) it is damaged."""
    try:
        with np.load(trial.folder.verified("samples.npz"), allow_pickle=False) as stored:
            clip = Clip(*(stored[name].astype(np.float64) for name in ("past", "futures", "weights", "guesses")))
            return clip if clip.past.ndim == 4 and clip.guesses.ndim == clip.futures.ndim == 5 else None
    except UsageError as error:
        report.warn(f"{trial.view.name}: {error}")
        return None
    except DAMAGE:
        return None


@dataclass(frozen=True)
class _Block:
    page: Page
    top: float
    side: float
    most: int
    reel: Reel

    def draw(self) -> None:
        """The truth above, then the methods."""
        self.page.text(0.08, self.top + 0.08, plain(self.reel.dataset))
        top = self.top + HEAD
        self._truth(top)
        for row, clip in self.reel.clips.items():
            top += self.side + ROW
            self._label(top, plain(row, 24))
            if clip is not None:
                for scene, guesses in enumerate(clip.guesses):
                    for k, guess in enumerate(guesses[: self.most]):
                        self._frame(scene, k, top, guess)
            place = WIDTH - NUMBER + 0.05
            self.page.text(place, top + self.side / 2, self.reel.numbers[row], va="center", fontsize=SMALL)

    def _truth(self, top: float) -> None:
        self._label(top, "the truth")
        clip = self.reel.any
        for scene, (past, futures) in enumerate(zip(clip.past, clip.futures, strict=True)):
            shown = [(one, "past") for one in past]
            shown += [(one, short(w)) for one, w in zip(futures, clip.weights[scene], strict=True)]
            shown.append((clip.mean[scene], "average"))
            for k, (picture, words) in enumerate(shown[: self.most]):
                self._frame(scene, k, top, picture)
                middle = self._left(scene, k) + self.side / 2
                self.page.text(middle, top - 0.02, words, ha="center", va="bottom", fontsize=SMALL)

    def _label(self, top: float, words: str) -> None:
        self.page.text(LEFT - 0.06, top + self.side / 2, words, ha="right", va="center", fontsize=SMALL)

    def _left(self, scene: int, k: int) -> float:
        return LEFT + scene * (self.most * (self.side + GAP) + BETWEEN) + k * (self.side + GAP)

    def _frame(self, scene: int, k: int, top: float, picture: Array) -> None:
        """A frame, or several on one another as of a long exposure."""
        left = self._left(scene, k)
        exposed = picture.max(0) if picture.ndim == 3 else picture
        extent = (left, left + self.side, top + self.side, top)
        self.page.paper.imshow(
            exposed, cmap="gray", vmin=0, vmax=1, extent=extent, aspect="auto", interpolation="nearest"
        )
