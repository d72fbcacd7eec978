"""Surfaces that see the data in units of their own spread."""

from __future__ import annotations

from torch import Tensor

from ebmbench.contracts.problem import Problem
from ebmbench.contracts.surface import Surface


class StandardizedSurface(Surface):
    """A surface that knows the mean and the standard deviations (d,) of the training set."""

    mean: Tensor
    std: Tensor

    def __init__(self, problem: Problem) -> None:
        super().__init__()
        self.register_buffer("mean", problem.mean.clone())
        self.register_buffer("std", problem.std.clone())

    def standardize(self, y: Tensor) -> Tensor:
        """u = (y - mean) / std, (B, d) -> (B, d)."""
        return (y - self.mean) / self.std
