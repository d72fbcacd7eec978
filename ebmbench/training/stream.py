"""The training data: an endless row stream that is a function of (dataset, seed), or a fixed set of its first rows.

A finite table is split by seed first; its stream goes through the training rows epoch by epoch.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from ebmbench.contracts.dataset import Batch, Dataset
from ebmbench.errors import UsageError
from ebmbench.suite.schema import DataRegime
from ebmbench.training.seeding import generator

BLOCK = 8192
"""Rows drawn at once; a part of what a stream is, so that every batch size reads the same rows in the same order."""
MAX_SHARE = 5
"""Of a finite table at most one row in so many is for validation, and as many for the test."""


@dataclass(frozen=True)
class Split:
    """The rows of a finite table: every row is in one part and in no other."""

    test: Batch
    validation: Batch
    train: Batch


def held_out_sizes(count: int, regime: DataRegime) -> tuple[int, int]:
    """How many of ``count`` rows are for the test and for validation."""
    return min(regime.test, count // MAX_SHARE), min(regime.validation, count // MAX_SHARE)


def split(rows: Batch, regime: DataRegime, seed: int) -> Split:
    """The rows dealt out by a permutation of the seed's own."""
    order = torch.randperm(len(rows), generator=generator("split", seed))
    test, validation = held_out_sizes(len(rows), regime)
    return Split(rows[order[:test]], rows[order[test : test + validation]], rows[order[test + validation :]])


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
        self._block_index, self._block = -1, Batch(like.new_empty(0))
        self._epoch, self._order = -1, torch.empty(0, dtype=torch.long)

    def training_set(self) -> Batch:
        """What a full-batch method sees, and what the problem's moments are taken from."""
        n = self.regime.set if self.regime.train == "stream" else self.regime.train
        return self._rows(0, n) if self._table is None else self._table[:n]

    def batch(self, step: int, rows: int) -> Batch:
        """The batch of a step: the next rows of the stream, or a pass through the fixed set in an order of its own."""
        if self._table is not None:
            return self._shuffled(self._table, step * rows, rows)
        if self.regime.train == "stream":
            return self._rows(step * rows, (step + 1) * rows)
        return self._shuffled(self._fixed(), step * rows, rows)

    def different(self, seen: int, full_batch: bool) -> int:
        """How many different rows are among ``seen`` rows of batches."""
        if full_batch:
            return min(seen, len(self.training_set()))
        if self._table is not None:
            return min(seen, len(self._table))
        return seen if self.regime.train == "stream" else min(seen, self.regime.train)

    @cached_property
    def _table(self) -> Batch | None:
        """All that a finite table has to train on; None for an endless source."""
        rows = self.dataset.rows()
        if rows is None:
            return None
        train = split(rows, self.regime, self.seed).train.to(self.like)
        if self.regime.train == "stream":
            return train
        if len(train) < self.regime.train:
            raise UsageError(f"train: {self.regime.train}: there are {len(train)} rows to train on")
        return train[: self.regime.train]

    def _shuffled(self, everything: Batch, start: int, rows: int) -> Batch:
        parts, n = [], len(everything)
        while rows > 0:
            epoch, place = divmod(start, n)
            order = self._order_of(epoch, n)[place : place + rows]
            parts.append(everything[order.to(everything.y.device)])
            start, rows = start + len(order), rows - len(order)
        return Batch.cat(parts)

    def _order_of(self, epoch: int, n: int) -> Tensor:
        if epoch != self._epoch:
            self._epoch, self._order = epoch, torch.randperm(n, generator=generator("order", self.seed, epoch))
        return self._order

    def _fixed(self) -> Batch:
        if self._block_index != 0 or len(self._block) != self.regime.train:
            self._block_index, self._block = 0, self.training_set()
        return self._block

    def _rows(self, start: int, stop: int) -> Batch:
        parts = []
        while start < stop:
            index, place = divmod(start, BLOCK)
            part = self._draw(index)[place : place + stop - start]
            parts.append(part)
            start += len(part)
        return Batch.cat(parts)

    def _draw(self, index: int) -> Batch:
        if self.regime.train == "stream" and index == self._block_index:
            return self._block
        block = self.dataset.sample(BLOCK, generator("train", self.seed, index)).to(self.like)
        if self.regime.train == "stream":
            self._block_index, self._block = index, block
        return block


def held_out(dataset: Dataset, regime: DataRegime, seed: int) -> tuple[Batch, Batch]:
    """The validation and test points of a seed, in the dataset's own dtype; axes of their own."""
    rows = dataset.rows()
    if rows is not None:
        parts = split(rows, regime, seed)
        return parts.validation, parts.test
    validation = dataset.sample(regime.validation, generator("validation", seed))
    return validation, dataset.sample(regime.test, generator("test", seed))
