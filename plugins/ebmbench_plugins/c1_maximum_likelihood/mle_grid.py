"""Maximum likelihood with the integral over all of the domain done by quadrature."""

from __future__ import annotations

import torch
from pydantic import Field
from torch import Generator, Tensor

from ebmbench.api import Batch, EnergySurface, GradientMethod, Problem, Surface


class GridSurface(EnergySurface):
    """F(y) = net(y) + log Z, log Z being the running average of the training's quadratures."""

    lattice: Tensor
    cell: Tensor
    log_cell: Tensor
    log_z: Tensor

    def __init__(self, problem: Problem, cells: int) -> None:
        super().__init__(problem.energy_net())
        support = problem.box.support(cells)
        self.register_buffer("lattice", support.points.float(), persistent=False)
        self.register_buffer("log_cell", support.log_weight[0].float(), persistent=False)
        self.register_buffer("cell", support.cell.float(), persistent=False)
        self.register_buffer("log_z", torch.zeros(()))

    def constant(self) -> Tensor:
        """log Z."""
        return self.log_z

    def estimate_log_z(self, rng: Generator) -> Tensor:
        """log of the integral of exp(-net) over the box, on the lattice shifted by a random part of a cell."""
        shift = torch.rand(len(self.cell), generator=rng, dtype=self.cell.dtype, device=self.cell.device) - 0.5
        return torch.logsumexp(-self.net(self.lattice + shift * self.cell), 0) + self.log_cell


class MLEGrid(GradientMethod):
    """Maximum likelihood with an exact partition function: push down on data, push up everywhere else.

    L = mean_i F(y_i) + log integral exp(-F(y)) dy,    grad L = E_data[grad F] - E_{p_F}[grad F]
    (LeCun et al. 2006, section 2.2; beta = 1). The integral is the midpoint rule on ``cells``^d points, shifted at
    random at each step: unbiased for Z whatever the lattice misses, so that no energy can hide between its points.
    Shapes: y (B, d); the lattice is one batch of cells^d rows.
    It fails in more than two or three dimensions (the lattice grows exponentially), and where the energy is so sharp
    that few cells carry all the mass.
    """

    cells: int = Field(48, ge=2, description="cells along each axis of the lattice")

    def supports(self, problem: Problem) -> str | None:
        """Only a box of at most three dimensions can be covered."""
        return f"a lattice in {problem.dim} dimensions is too large" if problem.dim > 3 else None

    def build(self, problem: Problem) -> Surface:
        """The shared energy net on the domain's box."""
        return GridSurface(problem, self.cells)

    def loss(self, surface: GridSurface, batch: Batch, rng: Generator) -> Tensor:
        """The mean negative log-likelihood in nats."""
        log_z = surface.estimate_log_z(rng)
        surface.log_z.lerp_(log_z.detach(), 0.02)
        return surface.net(batch.y).mean() + log_z
