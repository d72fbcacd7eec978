"""Contractive auto-encoder."""

from __future__ import annotations

from typing import cast

from pydantic import Field
from torch import Generator, Tensor

from ebmbench.api import Batch, MapNet, ReconstructionMethod, ReconstructionSurface


class CAE(ReconstructionMethod):
    """Reconstruct the data while making the reconstruction as constant as possible.

    L = E |u - G(u)|^2 / l + E |dG/du|_F^2 (Rifai et al. 2011, with the penalty on the whole of G as in Alain & Bengio
    2014, eq. 4: a penalty on the encoder alone is escaped by a shrinking encoder and a growing decoder). For small l
    the optimum is G(u) = u + l grad log p(u) + o(l). The Jacobian is exact, not estimated. The energy is the
    reconstruction error, seen from a small cloud about the point (``energy_noise``; 0: from the point itself).
    Shapes: u (B, d), dG/du (B, d, d).
    It fails as a density: only the order of its energies means anything; with l too small, G is the identity.
    """

    contraction: float = Field(0.03, gt=0, description="l, weight of the penalty on the Jacobian")

    def loss(self, surface: ReconstructionSurface, batch: Batch, rng: Generator) -> Tensor:
        """Reconstruction error over l, and the squared Frobenius norm of the Jacobian."""
        u = surface.standardize(batch.y)
        rebuilt, jacobian = cast(MapNet, surface.map).with_jacobian(u)
        error = (rebuilt - u).square().sum(-1).mean()
        return error / self.contraction + jacobian.square().sum((-2, -1)).mean()
