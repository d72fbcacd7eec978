"""A conditional energy as a picture of the plane: x beside y, or y alone at the middle of x; or what it foresees."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ebmbench.contracts.domain import Box, Support
from ebmbench.errors import NotApplicable
from ebmbench.metrics.conditional import ConditionalEvaluation, FuturesEvaluation
from ebmbench.metrics.futures import completed
from ebmbench.metrics.predictions import predicted
from ebmbench.truth.normalizer import Array, as_array, log_normalizer

SCENES, GUESSED = 2, 6
"""Contexts of next frames that are shown, and guesses of each."""


@dataclass(frozen=True)
class Portrait:
    """What a picture is drawn of.

    Attributes:
        plane: the box of the plane.
        support: its lattice.
        energy: F there, so that exp(-beta F) is the density of y given x up to one constant (M,).
        log_p: the true log density there (M,); None where it is not known.
    """

    plane: Box
    support: Support
    energy: Array
    log_p: Array | None


def portrait(evaluation: ConditionalEvaluation, side: int) -> Portrait:
    """A picture of so many cells along each axis.

    Raises:
        NotApplicable: if x has more coordinates than one, or y than two; or if no temperature fits.
    """
    space, box = evaluation.truth.dataset.context, evaluation.lattice.each.box
    if not isinstance(space, Box) or space.dim != 1 or box.dim > 2:
        raise NotApplicable("pictures are drawn of x with one coordinate and y with at most two")
    return _beside(evaluation, space, box, side) if box.dim == 1 else _at_middle(evaluation, space, box, side)


def _beside(evaluation: ConditionalEvaluation, space: Box, box: Box, side: int) -> Portrait:
    """x to the right, y upwards; each column is normalized, and x uniform."""
    plane = Box((*space.low, *box.low), (*space.high, *box.high))
    support, beta = plane.support(side), evaluation.beta
    x, y = support.points[:, :1], support.points[:, 1:]
    columns = evaluation.energy_at(y, x).reshape(side, side)
    log_width = np.full(side, np.log((box.high[0] - box.low[0]) / side))
    columns = columns + np.array([[log_normalizer(column, log_width, beta)] for column in columns]) / beta
    log_p = _known(evaluation, y, x)
    return Portrait(plane, support, columns.ravel(), None if log_p is None else log_p - space.log_volume)


def _at_middle(evaluation: ConditionalEvaluation, space: Box, box: Box, side: int) -> Portrait:
    support = box.support(side)
    middle = torch.tensor([[(space.low[0] + space.high[0]) / 2]], dtype=torch.float64)
    x = middle.expand(len(support.points), 1)
    return Portrait(box, support, evaluation.energy_at(support.points, x), _known(evaluation, support.points, x))


def _known(evaluation: ConditionalEvaluation, y: Tensor, x: Tensor) -> Array | None:
    truth = evaluation.truth
    return as_array(truth.dataset.log_prob(y, x)) if truth.on_support else None


def foreseen(evaluation: FuturesEvaluation) -> dict[str, np.ndarray]:
    """The past, the futures with their weights, and guesses of the first few test rows; how frames are laid out."""
    truth, space = evaluation.truth, evaluation.truth.dataset.context
    box = truth.dataset.domain
    if not (isinstance(space, Box) and isinstance(box, Box) and space.is_picture and box.is_picture):
        raise NotApplicable("frames are drawn of pictures")
    future, weight = (part[:SCENES] for part in truth.futures)
    own = evaluation.surface.guesses
    found = predicted(evaluation, GUESSED, SCENES) if own else completed(evaluation, GUESSED, SCENES)
    return {
        "past": truth.contexts[:SCENES].view(-1, *space.shape).float().numpy(),
        "futures": future.view(*future.shape[:2], *box.shape).float().numpy(),
        "weights": weight.numpy(),
        "guesses": found.view(*found.shape[:2], *box.shape).float().numpy(),
    }
