"""The stored surfaces of trials as pictures: -log q on a lattice, all kinds of energy at one calibration."""

from __future__ import annotations

import math
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ebmbench.contracts.records import Track, flat_name
from ebmbench.errors import UsageError
from ebmbench.store.runs import TrialResult
from ebmbench.truth.normalizer import log_normalizer

Array = NDArray[np.float64]

DAMAGE = (OSError, ValueError, LookupError, TypeError, AttributeError, EOFError, zipfile.BadZipFile, zlib.error)
"""What is raised by a file of arrays that is none, or holds others than it should."""


@dataclass(frozen=True)
class Film:
    """A surface on its way.

    Attributes:
        frames: -log q (k, rows, columns) in nats at milestones, at the temperature of the end, each normalized on the
            domain.
        passes: (k,) that the training had spent.
    """

    frames: Array
    passes: tuple[float, ...]


@dataclass(frozen=True)
class Picture:
    """Energies on a square lattice, as the density that their order and scale stand for.

    Attributes:
        energy: -log q (rows, columns) in nats at the temperature fitted on validation data, over all of the space: what
            ``kl_beta`` judges. The first coordinate runs along the columns.
        truth: -log p on the same lattice; None where it is not known.
        beta: the inverse temperature.
        box: the lower and upper corner of the lattice; None where an older file does not say.
        data: test points (n, 2), where the truth is not known.
        film: the milestones, where they are asked for and there are any.
    """

    energy: Array
    truth: Array | None
    beta: float
    box: Array | None = None
    data: Array | None = None
    film: Film | None = None

    @property
    def low(self) -> float:
        """The lowest energy of the truth, or else of the surface."""
        return float((self.energy if self.truth is None else self.truth).min())


def judged(track: Track) -> str:
    """The flat name of the metric that a picture is of: at the fitted temperature."""
    return track.curve.ranking or track.curve.metric


def read_picture(
    trial: TrialResult, warn: Callable[[str], None] = lambda text: None, film: bool = False
) -> Picture | None:
    """The stored surface of a trial.

    None when there is none, or none of the plane, or (``warn`` is told) it is damaged, or it holds anything but the
    numbers of one.
    """
    if not trial.folder.file("surface.npz").exists():
        return None
    try:
        with np.load(trial.folder.verified("surface.npz"), allow_pickle=False) as stored:
            names = [
                name for name in stored.files if name not in ("iso_log_density", *(() if film else ("milestones",)))
            ]
            return _picture(trial, {name: stored[name].astype(np.float64) for name in names})
    except UsageError as error:
        warn(f"{trial.view.name}: {error}")
        return None
    except DAMAGE:
        return None


def _picture(trial: TrialResult, arrays: dict[str, Array]) -> Picture | None:
    energy, truth, box = arrays["energy"], arrays.get("log_p"), arrays.get("box")
    shape = tuple(arrays["lattice"].astype(int))
    if len(shape) != 2:
        return None
    values = trial.values
    beta, outside = values.get("beta") or 1.0, values.get(flat_name("mass_outside", "beta")) or 0.0
    log_area = _log_area(truth, box, len(energy))
    shown = _normalized(energy, beta, log_area) - math.log1p(-min(outside, 1 - 1e-12))
    film = _film(trial, arrays["milestones"], beta, log_area) if "milestones" in arrays else None
    return Picture(
        _upright(shown, shape), None if truth is None else -_upright(truth, shape), beta, box, arrays.get("data"), film
    )


def _film(trial: TrialResult, frames: Array, beta: float, log_area: float) -> Film | None:
    passes = list(dict.fromkeys(float(point.passes) for point in trial.curve))[: len(frames)]
    side = math.isqrt(frames.shape[1])
    if side**2 != frames.shape[1] or len(passes) < len(frames):
        return None
    shown = [_upright(_normalized(frame, beta, log_area), (side, side)) for frame in frames]
    return Film(np.stack(shown), tuple(passes))


def _normalized(energy: Array, beta: float, log_area: float) -> Array:
    """-log q of the lattice's cells, whose mass is one."""
    shown = beta * energy
    log_cells = np.full(len(energy), log_area - math.log(len(energy)))
    return np.asarray(shown + log_normalizer(shown, log_cells))


def _log_area(log_p: Array | None, box: Array | None, cells: int) -> float:
    """Of the domain: from its corners, or from the truth, which integrates to one."""
    if box is not None:
        return float(np.log(box[1] - box[0]).sum())
    assert log_p is not None
    return math.log(cells) - log_normalizer(-log_p, np.zeros(cells))


def _upright(values: Array, shape: tuple[int, ...]) -> Array:
    """As it is drawn: the second coordinate upwards, one row each."""
    return np.asarray(values.reshape(shape).T)
