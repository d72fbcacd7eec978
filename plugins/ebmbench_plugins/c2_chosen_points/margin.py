"""The margin loss of metric learning."""

from __future__ import annotations

import torch
from pydantic import Field
from torch import Generator, Tensor

from ebmbench.api import Batch, GradientMethod, Problem, ScaledSurface, Surface, log_uniform, normal, uniform


class MarginSurface(ScaledSurface):
    """The energy, and the box that half of the negatives are drawn from."""

    low: Tensor
    width: Tensor

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        low, high = torch.tensor(problem.box.low), torch.tensor(problem.box.high)
        self.register_buffer("low", low, persistent=False)
        self.register_buffer("width", high - low, persistent=False)


class Margin(GradientMethod):
    """Every data point at least a margin below every negative.

    L = mean_ij max(0, m + F(y_i) - F(y^-_j))  (hinge: LeCun et al. 2006; Zhao, Mathieu & LeCun 2017)
    over all pairs, given x over those of one row. Half of the negatives are uniform on the box, half are data plus
    noise with log s uniform. The uniform half is also what the metric ``auroc`` holds data against: this method is
    trained on its question. Shapes: y (B, d), y^- (2 B, d).
    It fails as a density: any energy with all gaps beyond m is as good as any other, and all are zero loss.
    """

    conditional = True

    margin: float = Field(1.0, gt=0, description="m, the gap asked for")
    noise_low: float = Field(0.1, gt=0, description="smallest noise, in units of the data's standard deviation")
    noise_high: float = Field(2.0, gt=0, description="largest noise, in units of the data's standard deviation")

    def build(self, problem: Problem) -> Surface:
        """The shared energy net on the domain's box."""
        return MarginSurface(problem)

    def loss(self, surface: MarginSurface, batch: Batch, rng: Generator) -> Tensor:
        """The mean hinge over all pairs."""
        energy = surface(torch.cat([batch.y, self.negatives(surface, batch.y, rng)]))
        data, drawn = energy[: len(batch.y)], energy[len(batch.y) :]
        pairs = data - drawn.view(2, -1) if batch.x is not None else data[:, None] - drawn
        return torch.relu(self.margin + pairs).mean()

    def negatives(self, surface: MarginSurface, y: Tensor, rng: Generator) -> Tensor:
        """As many uniform draws as there are rows in y (B, d), and as many disturbed rows, (2 B, d)."""
        shape = tuple(y.shape)
        anywhere = surface.low + surface.width * uniform(shape, y, rng)
        size = log_uniform((len(y), 1), self.noise_low, self.noise_high, y, rng)
        return torch.cat([anywhere, y + surface.std * size * normal(shape, y, rng)])
