"""The discriminator of a generative adversarial network, read as an energy."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from pydantic import Field
from torch import Generator, Tensor
from torch.nn.functional import softplus

from ebmbench.api import Batch, GradientMethod, Problem, ScaledSurface, Surface, normal


class GANSurface(ScaledSurface):
    """F(y) = net(y), the discriminator's negative logit, and the generator y = mean + std G(z), z ~ N(0, I)."""

    mean: Tensor

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        self.register_buffer("mean", problem.mean.clone())
        self.generator = problem.map_net()

    def sample(self, n: int, generator: Generator) -> Tensor:
        """The generator's own samples, (n, d)."""
        code = normal((n, len(self.mean)), self.mean, generator)
        return self.mean + self.std * self.generator(code)


class GANRatio(GradientMethod):
    """Push up where a generator puts its points, while it learns to put them where the energy is low.

    L_net = E_p softplus(F(y)) + E_G softplus(-F(y^-)),    L_generator = E_G softplus(F(y^-))
    (Goodfellow et al. 2014, the non-saturating form). Shapes: y, y^- (B, d).
    It fails as a density by construction: at the optimum F = log p_G - log p, a density ratio, and flat where the
    generator is perfect. What order is left comes from the generator's flaws, and from places that it never visits,
    where F is free.
    """

    conditional = True

    generator_rate: float = Field(0.5, gt=0, description="learning rate of the generator in units of the net's")

    def build(self, problem: Problem) -> Surface:
        """The shared energy net against the shared map."""
        return GANSurface(problem)

    def loss(self, surface: GANSurface, batch: Batch, rng: Generator) -> Mapping[str, Tensor]:
        """The discriminator's loss moves the net, the generator's moves the generator."""
        drawn = surface.sample(len(batch.y), rng)
        energy = surface(torch.cat([batch.y, drawn.detach()]))
        data, fake = energy[: len(batch.y)], energy[len(batch.y) :]
        return {
            "net": softplus(data).mean() + softplus(-fake).mean(),
            "generator": softplus(surface(drawn)).mean(),
        }

    def param_groups(self, surface: GANSurface) -> list[dict[str, object]]:
        """Two networks at two rates."""
        return [
            {"params": list(surface.net.parameters())},
            {"params": list(surface.generator.parameters()), "lr_scale": self.generator_rate},
        ]
