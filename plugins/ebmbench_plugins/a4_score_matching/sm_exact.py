"""Score matching with the exact Laplacian."""

from __future__ import annotations

from torch import Generator, Tensor

from ebmbench.api import Batch, EnergySurface, GradientMethod, Problem, Surface


class SMExact(GradientMethod):
    """Make data points minima of the energy: gradient down, curvature up.

    L = E 1/2 |grad F(y)|^2 - lap F(y) (Hyvarinen 2005, eq. 4). It is E 1/2 |grad F + grad log p|^2 - I / 2, I = E |grad
    log p|^2 the Fisher information: its minimum is F = -log p + const, where L = -I / 2; there is no log Z and there
    are no samples. The Laplacian is exact, of forward operations: d tangents, so that a step costs 3 + d passes a row
    and its backward. Shapes: y (B, d).
    It fails by blindness to the weights of separate modes (Koehler, Heckett & Risteski 2023), leaves F free where there
    are no data, and on few data seen again and again it digs pits of any curvature at each of them.
    """

    conditional = True

    def build(self, problem: Problem) -> Surface:
        """The shared energy net."""
        return EnergySurface(problem.energy_net())

    def loss(self, surface: Surface, batch: Batch, rng: Generator) -> Tensor:
        """Half the squared gradient minus the Laplacian."""
        _, gradient, laplacian = surface.with_laplacian(batch.y)
        return (0.5 * gradient.square().sum(-1) - laplacian).mean()
