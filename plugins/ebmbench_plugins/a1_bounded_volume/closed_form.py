"""Methods that are fitted to the whole training set in one step."""

from __future__ import annotations

from typing import Any

import torch
from torch import Generator, Tensor

from ebmbench.api import Batch, Logs, Method, Surface


class FittedSurface(Surface):
    """A surface about the mean of the data, in double precision, that knows whether it was fitted."""

    mean: Tensor
    fitted: Tensor

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(dim, dtype=torch.float64))
        self.register_buffer("fitted", torch.tensor(False))

    def centered(self, y: Tensor) -> Tensor:
        """y - mean, in double precision, (B, d) -> (B, d)."""
        return y.to(self.mean.dtype) - self.mean


class ClosedForm(Method):
    """A method of one step; authors write ``build`` and ``fit``."""

    full_batch = True

    def fit(self, surface: Any, y: Tensor, rng: Generator) -> Tensor:
        """Fill the surface from the rows y (n, d), float64 on the CPU; the loss."""
        raise NotImplementedError

    def step(self, surface: FittedSurface, batch: Batch, rng: Generator) -> Logs:
        """The whole fit."""
        loss = self.fit(surface, batch.y.cpu().double(), rng)
        surface.fitted.fill_(True)
        return {"loss": loss}

    def finished(self, surface: FittedSurface) -> bool:
        """After the one step."""
        return bool(surface.fitted)
