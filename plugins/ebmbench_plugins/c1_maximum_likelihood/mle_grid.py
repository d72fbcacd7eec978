"""Maximum likelihood with the integral over all of the space done by quadrature."""

from __future__ import annotations

import torch
from pydantic import Field
from torch import Generator, Tensor

from ebmbench.api import Batch, Box, EnergySurface, GradientMethod, Problem, Support, Surface, logsumexp

OCTAVES = 4
"""How often the integral goes twice as far: to 16 times the width of the domain."""
AROUND = 12
"""Cells along each axis of what is twice as wide as all within it; a multiple of four, so that they tile it."""


def cells_of(box: Box, n: int) -> list[Support]:
    """Cells that tile the box, ``n`` along each axis, and then, four times, what lies around twice as far."""
    parts = [box.support(n)]
    for octave in range(OCTAVES):
        wide = box.scaled(2 ** (octave + 1)).support(AROUND)
        kept = ~box.scaled(2**octave).contains(wide.points)
        parts.append(Support(wide.points[kept], wide.log_weight[kept], (int(kept.sum()),), wide.cell[kept]))
    return parts


class GridSurface(EnergySurface):
    """F(y) = net(y) + log Z, log Z being the running average of the training's quadratures."""

    lattice: Tensor
    cell: Tensor
    log_cell: Tensor
    log_z: Tensor

    def __init__(self, problem: Problem, cells: int) -> None:
        super().__init__(problem.energy_net())
        parts = cells_of(problem.box, cells)
        self.register_buffer("lattice", torch.cat([part.points for part in parts]).float(), persistent=False)
        self.register_buffer("log_cell", torch.cat([part.log_weight for part in parts]).float(), persistent=False)
        self.register_buffer("cell", torch.cat([part.cell for part in parts]).float(), persistent=False)
        self.register_buffer("log_z", torch.zeros(()))

    def constant(self) -> Tensor:
        """log Z."""
        return self.log_z

    def estimate_log_z(self, rng: Generator) -> Tensor:
        """log of the integral of exp(-net) from a random point in each cell: (1,), or of each context (B,)."""
        rows = 1 if self.context is None else len(self.context)
        cells, dim = self.cell.shape
        place = torch.rand((cells, rows, dim), generator=rng, dtype=self.cell.dtype, device=self.cell.device) - 0.5
        points = self.lattice[:, None] + place * self.cell[:, None]
        return logsumexp((self.log_cell[:, None] - self.net(points.flatten(0, 1)).view(cells, rows)).T)


class MLEGrid(GradientMethod):
    """Maximum likelihood with an exact partition function: push down on data, push up everywhere else.

    L = mean_i F(y_i) + log integral exp(-F(y)) dy,    grad L = E_data[grad F] - E_{p_F}[grad F]
    (LeCun et al. 2006, section 2.2; beta = 1). The integral is a random point in each of ``cells``^d cells of the
    domain and of coarser ones around it, to 16 times its width: unbiased for Z there whatever a lattice would miss, so
    that no energy can hide between its points. Given x each row has an integral of its own, and the constant is right
    on average over x alone. Shapes: y (B, d); the cells are one batch of rows.
    It fails in more than two or three dimensions (the cells grow exponentially), and where the energy is so sharp
    that few cells carry all the mass.
    """

    conditional = True

    cells: int = Field(44, ge=2, description="cells along each axis of the domain")

    def supports(self, problem: Problem) -> str | None:
        """Only a box of at most three dimensions can be covered."""
        return f"a lattice in {problem.dim} dimensions is too large" if problem.dim > 3 else None

    def build(self, problem: Problem) -> Surface:
        """The shared energy net on the domain's box."""
        return GridSurface(problem, self.cells)

    def loss(self, surface: GridSurface, batch: Batch, rng: Generator) -> Tensor:
        """The mean negative log-likelihood in nats."""
        log_z = surface.estimate_log_z(rng)
        surface.log_z.lerp_(log_z.detach().mean(), 0.02)
        return surface.net(batch.y).mean() + log_z.mean()
