"""Sliced score matching."""

from __future__ import annotations

from pydantic import Field
from torch import Generator, Tensor

from ebmbench.api import Batch, EnergySurface, GradientMethod, Problem, Surface, signs


class SSM(GradientMethod):
    """Score matching along random directions, one for each row.

    L = E 1/2 (v . grad F(y))^2 - v' H v, H the Hessian of F (Song et al. 2019, eq. 8), and with ``reduced``, whose
    variance is smaller, L = E 1/2 |grad F(y)|^2 - v' H v (eq. 9). Random signs make the v, so that E v v' = I and
    both are on average the loss of exact score matching. A step costs four passes a row and its backward whatever d
    is. Shapes: y, v (B, d).
    It fails as exact score matching does, by blindness to the weights of separate modes and by freedom far from the
    data, and adds the noise of the slices: signs see the axes' own curvature without error, and all of its error comes
    from the mixed terms.
    """

    conditional = True

    reduced: bool = Field(False, description="whether the squared gradient is taken whole, not along v")

    def build(self, problem: Problem) -> Surface:
        """The shared energy net."""
        return EnergySurface(problem.energy_net())

    def loss(self, surface: Surface, batch: Batch, rng: Generator) -> Tensor:
        """Half the squared slope along v (or gradient) minus the curvature along v."""
        v = signs(tuple(batch.y.shape), batch.y, rng)
        _, gradient, curvature = surface.with_curvature(batch.y, v[:, None])
        slope = gradient.square().sum(-1) if self.reduced else (v * gradient).sum(-1).square()
        return (0.5 * slope - curvature.squeeze(-1)).mean()
