"""Maximum likelihood with the sum over all states of a few bits."""

from __future__ import annotations

import torch
from pydantic import Field
from torch import Generator, Tensor

from ebmbench.api import Batch, EnergySurface, GradientMethod, Problem, Surface

MAX_BITS = 16


class EnumeratedSurface(EnergySurface):
    """F(y) = net(y) + log Z, log Z being the sum over all states."""

    states: Tensor
    log_z: Tensor

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.energy_net())
        self.register_buffer("states", problem.domain.support(2).points.to(problem.mean.dtype), persistent=False)
        self.register_buffer("log_z", torch.zeros(()))

    def constant(self) -> Tensor:
        """log Z."""
        return self.log_z

    def sum_over_states(self) -> Tensor:
        """log of the sum of exp(-net) over all 2^d states."""
        return torch.logsumexp(-self.net(self.states), 0)


class MLEEnum(GradientMethod):
    """Maximum likelihood with an exact partition function: push down on data, push up on every state.

    L = mean_i F(y_i) + log sum_y exp(-F(y)) over all 2^d states (LeCun et al. 2006, section 2.2; beta = 1). Shapes: y
    (B, d), states (2^d, d): one batch of B + 2^d rows.
    It fails by its cost, which doubles with each bit: 16 bits are 65,536 rows a step, and within a budget of passes
    few steps are taken.
    """

    works_on = ("binary",)

    lr: float = Field(0.03, gt=0, description="peak learning rate of Adam: the sum is exact, and steps are few")
    batch: int = Field(1024, ge=1, description="rows of data in a step: few beside the states")
    warmup: int = Field(5, ge=0, description="steps until the learning rate is at its peak")

    def supports(self, problem: Problem) -> str | None:
        """At most 16 bits."""
        return f"{problem.dim} bits have too many states" if problem.dim > MAX_BITS else None

    def build(self, problem: Problem) -> Surface:
        """The shared energy net and all states."""
        return EnumeratedSurface(problem)

    def loss(self, surface: EnumeratedSurface, batch: Batch, rng: Generator) -> Tensor:
        """The mean negative log-likelihood in nats."""
        return surface.net(batch.y).mean() + surface.sum_over_states()

    def finalize(self, surface: EnumeratedSurface) -> None:
        """The normalizer of the averaged parameters, which no step has seen."""
        surface.log_z.copy_(surface.sum_over_states())
