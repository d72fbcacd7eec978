"""Contractive auto-encoder."""

from __future__ import annotations

from pydantic import Field
from torch import Generator, Tensor

from ebmbench.api import Batch, ReconstructionMethod, ReconstructionSurface, signs


class CAE(ReconstructionMethod):
    """Reconstruct the data while making the reconstruction as constant as possible.

    L = E |u - G(u)|^2 / l + E |dG/du|_F^2 (Rifai et al. 2011, with the penalty on the whole of G as in Alain & Bengio
    2014, eq. 4: a penalty on the encoder alone is escaped by a shrinking encoder and a growing decoder). For small l
    the optimum is G(u) = u + l grad log p(u) + o(l). The Jacobian is exact, or with ``slices`` the penalty
    is the mean of |J v|^2 over so many v of random signs (Hutchinson 1989), whose cost does not grow with d. The energy
    is the reconstruction error, seen from a small cloud about the point (``energy_noise``; 0: from the point itself).
    Shapes: u, v (B, d), dG/du (B, d, d).
    It fails as a density: only the order of its energies means anything; with l too small, G is the identity.
    """

    conditional = True

    contraction: float = Field(0.03, gt=0, description="l, weight of the penalty on the Jacobian")
    slices: int = Field(0, ge=0, description="random directions that estimate the penalty; 0: exact")

    def loss(self, surface: ReconstructionSurface, batch: Batch, rng: Generator) -> Tensor:
        """Reconstruction error over l, and the squared Frobenius norm of the Jacobian."""
        u = surface.standardize(batch.y)
        if self.slices:
            rebuilt, slope = surface.map.with_tangents(u, signs((len(u), self.slices, u.shape[-1]), u, rng))
            penalty = slope.square().sum(-1).mean()
        else:
            rebuilt, jacobian = surface.map.with_jacobian(u)
            penalty = jacobian.square().sum((-2, -1)).mean()
        error = (rebuilt - u).square().sum(-1).mean()
        return error / self.contraction + penalty
