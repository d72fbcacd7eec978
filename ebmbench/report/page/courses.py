"""How the quality of methods rose with what they spent: medians over seeds at milestones, and who is on the front."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ebmbench.analysis.leaderboard import Leaderboard
from ebmbench.contracts.records import Track, flat_name


@dataclass(frozen=True)
class Course:
    """The curve of a method on a dataset: a number a milestone, the last of them the end of training.

    Attributes:
        method: which.
        dataset: which.
        passes: that were spent.
        steps: that were taken.
        seconds: of training.
        middle: medians over seeds of the metric that the track draws.
        low: the least over seeds.
        high: the greatest.
        reached: whether the median came within the hardest target of the track; None where it has none.
    """

    method: int
    dataset: int
    passes: tuple[float, ...]
    steps: tuple[float, ...]
    seconds: tuple[float, ...]
    middle: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    reached: bool | None


def courses(board: Leaderboard, metrics: pd.DataFrame) -> Iterator[Course]:
    """The curves of all methods on all datasets that have one.

    Args:
        board: says which trials are whose.
        metrics: one row a number, at milestones and at the end.
    """
    names = {
        flat_name(m, v) for track in board.tracks for m, v in [(track.curve.metric, ""), (track.curve.ranking, "")]
    }
    pairs = metrics[["metric", "variant"]].drop_duplicates()
    pairs = pairs.assign(number=[flat_name(m, v) for m, v in pairs.itertuples(index=False)])
    curves = metrics.merge(pairs[pairs["number"].isin(names)], on=["metric", "variant"]).dropna(subset="value")
    by_trial = dict(tuple(curves.groupby("trial", sort=False)))
    for k, method in enumerate(board.methods):
        datasets = method.facts["dataset"].astype(str)
        for d, dataset in enumerate(board.datasets):
            track = board.judged_by[dataset]
            name = track.curve.of(method.kind)
            keys = method.facts["trial"][datasets == dataset].astype(str)
            parts = [by_trial[key] for key in keys if key in by_trial]
            found = [part[part["number"] == name].sort_values("step") for part in parts]
            yield from _course(k, d, track, [part for part in found if len(part)])


def _course(method: int, dataset: int, track: Track, parts: list[pd.DataFrame]) -> Iterator[Course]:
    """The median of the seeds, milestone by milestone; nothing where nothing was measured on the way."""
    length = min(map(len, parts), default=0)
    if length < 2:
        return
    cube = np.stack(
        [part[["passes", "step", "train_seconds", "value"]].to_numpy(dtype=np.float64)[-length:] for part in parts]
    )
    passes, steps, seconds, middle = np.median(cube, axis=0).T
    yield Course(
        method,
        dataset,
        passes=_short(passes),
        steps=_short(steps),
        seconds=_short(seconds),
        middle=_short(middle),
        low=_short(cube[:, :, 3].min(0)),
        high=_short(cube[:, :, 3].max(0)),
        reached=bool(middle.min() <= min(track.targets)) if track.targets else None,
    )


def _short(values: np.ndarray) -> tuple[float, ...]:
    return tuple(float(f"{x:.4g}") for x in values)
