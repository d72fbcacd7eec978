"""What is known of data whose y, given x, is noise about one of a few futures: no lattice, and yet the truth."""

from __future__ import annotations

from functools import cached_property

import torch
from torch import Tensor

from ebmbench.contracts.dataset import Batch, Dataset
from ebmbench.truth.normalizer import Array, Normalizer, as_array
from ebmbench.truth.truth import TruthAtPoints

HELD = 1000
"""Contexts, at most, that futures are known at: those of the first test rows."""


class FuturesTruth(TruthAtPoints):
    """The futures of each of some contexts, and the exact density at any point.

    Args:
        dataset: knows its futures.
        normalizer: says why there is no lattice.
        contexts: x (n, c), of which the first are taken.
    """

    def __init__(self, dataset: Dataset, normalizer: Normalizer, contexts: Tensor) -> None:
        super().__init__(dataset, normalizer)
        self.contexts = contexts[:HELD].double()

    def futures_at(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The futures (B, K, d) given x (B, c), and their weights (B, K), in float64."""
        found = self.dataset.futures(x.double())
        assert found is not None
        return found[0].double(), found[1].double()

    @cached_property
    def futures(self) -> tuple[Tensor, Tensor]:
        """Those of each of the contexts."""
        return self.futures_at(self.contexts)

    @cached_property
    def mean_given(self) -> Array:
        """The mean of y given each context, (N, d): the average of its futures."""
        future, weight = self.futures
        return as_array((weight[..., None] * future).sum(1))

    def came_true(self, batch: Batch) -> Tensor:
        """Which of its futures each row is nearest to, (B,): noise leads none over to another."""
        assert batch.x is not None
        future, _ = self.futures_at(batch.x)
        return (batch.y.double()[:, None] - future).square().sum(-1).argmin(-1)

    def true_future(self, batch: Batch) -> Tensor:
        """That future of each row, (B, d)."""
        assert batch.x is not None
        future, _ = self.futures_at(batch.x)
        return future[torch.arange(len(future)), self.came_true(batch)]

    def transplanted(self, batch: Batch) -> Tensor:
        """Each row's own noise on each of its futures, (B, K, d): what y would have been, had another come true."""
        assert batch.x is not None
        return self.futures_at(batch.x)[0] + (batch.y.double() - self.true_future(batch))[:, None]
