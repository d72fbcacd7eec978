"""How the quality of methods rose with what they spent: medians over seeds at milestones, and who is on the front."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ebmbench.analysis.leaderboard import Leaderboard
from ebmbench.contracts.records import Track, flat_name

DRAWN = ("passes", "step", "rows", "train_seconds", "value")
NOTHING = np.empty((0, len(DRAWN)))


@dataclass(frozen=True)
class Seed:
    """The points (milestones, ``DRAWN``) of a trial, and whether it failed, and so did not come to its end."""

    points: np.ndarray
    failed: bool


@dataclass(frozen=True)
class Course:
    """The curve of a method on a dataset: a number a milestone, the last of them the end of training.

    Attributes:
        method: which.
        dataset: which.
        passes: that were spent.
        steps: that were taken.
        rows: of data that were seen, different ones; not a number where a training's own were not kept.
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
    rows: tuple[float, ...]
    seconds: tuple[float, ...]
    middle: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    reached: bool | None


def courses(board: Leaderboard, trials: pd.DataFrame, metrics: pd.DataFrame) -> Iterator[Course]:
    """The curves of all methods on all datasets that have one.

    Args:
        board: says which trials are whose.
        trials: one row a trial.
        metrics: one row a number, at milestones and at the end.
    """
    names = {
        flat_name(m, v) for track in board.tracks for m, v in [(track.curve.metric, ""), (track.curve.ranking, "")]
    }
    pairs = metrics[["metric", "variant"]].drop_duplicates()
    pairs = pairs.assign(number=[flat_name(m, v) for m, v in pairs.itertuples(index=False)])
    curves = metrics.merge(pairs[pairs["number"].isin(names)], on=["metric", "variant"]).dropna(subset="value")
    curves = curves.assign(rows=_rows(curves, trials))
    by_trial = {
        key: part.sort_values("step")[list(DRAWN)].to_numpy(dtype=np.float64)
        for key, part in curves.groupby(["trial", "number"], sort=False)
    }
    for k, method in enumerate(board.methods):
        for d, dataset in enumerate(board.datasets):
            track = board.judged_by[dataset]
            name, here = track.curve.of(method.kind), method.facts["dataset"].astype(str) == dataset
            trials_here = zip(method.facts["trial"][here].astype(str), method.failed[here], strict=True)
            seeds = [Seed(by_trial.get((key, name), NOTHING), failed) for key, failed in trials_here]
            yield from _course(k, d, track, [seed for seed in seeds if seed.failed or len(seed.points)])


def _rows(curves: pd.DataFrame, trials: pd.DataFrame) -> np.ndarray:
    """How many different rows of data a trial had seen at each of its points.

    That is exact: all steps of a training see equally many rows, and none comes again before all there are were seen.
    """
    ends = trials.drop_duplicates("trial").set_index("trial")[["samples", "steps", "rows"]].reindex(curves["trial"])
    samples, steps, rows = ends.to_numpy(dtype=np.float64).T
    with np.errstate(invalid="ignore"):  # what took no step has seen none, and has no course
        return np.asarray(np.minimum(curves["step"].to_numpy(dtype=np.float64) * (samples / steps), rows))


def _course(method: int, dataset: int, track: Track, seeds: list[Seed]) -> Iterator[Course]:
    """The median of the seeds, milestone by milestone; nothing where nothing was measured on the way."""
    cube = _aligned(seeds)
    if cube.shape[1] < 2:
        return
    middle = np.median(cube[:, :, -1], axis=0)
    passes, steps, rows, seconds = _medians(cube[:, :, :-1]).T
    yield Course(
        method,
        dataset,
        passes=_short(passes),
        steps=_short(steps),
        rows=_short(rows),
        seconds=_short(seconds),
        middle=_short(middle),
        low=_short(cube[:, :, -1].min(0)),
        high=_short(cube[:, :, -1].max(0)),
        reached=bool(middle.min() <= min(track.targets)) if track.targets else None,
    )


def _aligned(seeds: list[Seed]) -> np.ndarray:
    """The points (seeds, milestones, ``DRAWN``) side by side.

    Those of trials that ended well end together. One that failed has as many of the first milestones as it came to, and
    from there on an infinite value at no cost that is known.
    """
    whole = [len(seed.points) for seed in seeds if not seed.failed]
    last = max(whole or [len(seed.points) for seed in seeds], default=0)
    length = min(whole, default=last)
    found = np.full((len(seeds), length, len(DRAWN)), np.nan)
    found[:, :, -1] = np.inf
    for row, seed in zip(found, seeds, strict=True):
        points = seed.points[last - length : last] if seed.failed else seed.points[-length:]
        row[: len(points)] = points
    return found


def _medians(costs: np.ndarray) -> np.ndarray:
    """Over the seeds that have them; not a number where none has."""
    return pd.DataFrame(costs.reshape(len(costs), -1)).median().to_numpy().reshape(costs.shape[1:])


def _short(values: np.ndarray) -> tuple[float, ...]:
    return tuple(float(f"{x:.4g}") for x in values)
