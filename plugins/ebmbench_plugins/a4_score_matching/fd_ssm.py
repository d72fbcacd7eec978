"""Sliced score matching by finite differences."""

from __future__ import annotations

import torch
from pydantic import Field
from torch import Generator, Tensor

from ebmbench.api import Batch, EnergySurface, GradientMethod, Problem, Surface, signs


class SlopeSurface(EnergySurface):
    """The shared energy, and the step of its differences in the units of y."""

    size: Tensor

    def __init__(self, problem: Problem, step: float) -> None:
        super().__init__(problem.energy_net())
        self.register_buffer("size", step * torch.tensor(problem.spread))


class FDSSM(GradientMethod):
    """Sliced score matching that needs energies alone, no derivative with respect to y.

    With v of random signs and F+- = F(y +- h v), L = E 1/2 ((F+ - F-) / 2 h)^2 - (F+ - 2 F(y) + F-) / h^2 (Pang et al.
    2020, eq. 13, in our signs). For h -> 0 it is sliced score matching, from which it differs by O(h^2); for F
    quadratic it is exact at any h. Shapes: y, v (B, d); three passes a row and their backward.
    It fails as score matching does, and at both ends of h: structure finer than h is not seen, while the rounding of
    F grows as 1 / h^2.
    """

    conditional = True

    difference: float = Field(0.02, gt=0, description="h, in units of the data's standard deviation")

    def build(self, problem: Problem) -> Surface:
        """The shared energy net."""
        return SlopeSurface(problem, self.difference)

    def loss(self, surface: SlopeSurface, batch: Batch, rng: Generator) -> Tensor:
        """Half the squared difference quotient minus the second difference."""
        h, v = surface.size, signs(tuple(batch.y.shape), batch.y, rng)
        ahead, here, behind = surface(torch.cat([batch.y + h * v, batch.y, batch.y - h * v])).chunk(3)
        slope = (ahead - behind) / (2 * h)
        curvature = ((ahead - here) - (here - behind)) / h.square()
        return (0.5 * slope.square() - curvature).mean()
