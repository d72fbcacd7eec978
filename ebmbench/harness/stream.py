"""The training data: an endless row stream that is a function of (dataset, seed), or a fixed set of its first rows."""

from __future__ import annotations

import torch
from torch import Tensor

from ebmbench.contracts import Dataset
from ebmbench.harness.seeding import generator
from ebmbench.suite.schema import DataRegime

BLOCK = 8192
"""Rows drawn at once; a part of what a stream is, so that every batch size reads the same rows in the same order."""


class Stream:
    """Rows of a dataset, moved to the training device and dtype.

    Args:
        dataset: what to draw from.
        regime: an endless stream, or so many rows for everybody.
        seed: the trial's seed.
        like: a tensor with the dtype and device of training.
    """

    def __init__(self, dataset: Dataset, regime: DataRegime, seed: int, like: Tensor) -> None:
        self.dataset, self.regime, self.seed, self.like = dataset, regime, seed, like
        self._block_index, self._block = -1, like.new_empty(0)

    def training_set(self) -> Tensor:
        """What a set-wise method sees, and what the problem's moments are taken from: (n, d)."""
        n = self.regime.set if self.regime.train == "stream" else self.regime.train
        return self._rows(0, n)

    def batch(self, step: int, rows: int) -> Tensor:
        """The batch of a step: the next rows of the stream, or a pass through the fixed set in an order of its own."""
        if self.regime.train == "stream":
            return self._rows(step * rows, (step + 1) * rows)
        return self._shuffled(step * rows, rows)

    def _shuffled(self, start: int, rows: int) -> Tensor:
        everything = self._fixed()
        parts, n = [], len(everything)
        while rows > 0:
            epoch, place = divmod(start, n)
            order = torch.randperm(n, generator=generator("order", self.seed, epoch))[place : place + rows]
            parts.append(everything[order.to(everything.device)])
            start, rows = start + len(order), rows - len(order)
        return torch.cat(parts)

    def _fixed(self) -> Tensor:
        if self._block_index != 0 or len(self._block) != self.regime.train:
            self._block_index, self._block = 0, self.training_set()
        return self._block

    def _rows(self, start: int, stop: int) -> Tensor:
        parts = []
        while start < stop:
            index, place = divmod(start, BLOCK)
            part = self._draw(index)[place : place + stop - start]
            parts.append(part)
            start += len(part)
        return torch.cat(parts) if len(parts) > 1 else parts[0]

    def _draw(self, index: int) -> Tensor:
        if self.regime.train == "stream" and index == self._block_index:
            return self._block
        block = self.dataset.sample(BLOCK, generator("train", self.seed, index)).y.to(self.like)
        if self.regime.train == "stream":
            self._block_index, self._block = index, block
        return block


def held_out(dataset: Dataset, regime: DataRegime, seed: int) -> tuple[Tensor, Tensor]:
    """The validation and test points of a seed, (n, d) in the dataset's own dtype; axes of their own."""
    validation = dataset.sample(regime.validation, generator("validation", seed)).y
    return validation, dataset.sample(regime.test, generator("test", seed)).y
