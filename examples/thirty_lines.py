"""A method in thirty lines, and its row beside others: ``python examples/thirty_lines.py``, a minute or two.

Noise-contrastive estimation with an energy net and a learned constant. The file is the plugin, and runs itself.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from torch import Generator, Tensor
from torch.nn.functional import softplus

from ebmbench.api import (
    Batch,
    EnergyKind,
    GradientMethod,
    MethodSpec,
    Problem,
    SelfNormalizedSurface,
    Strategy,
    Surface,
    hookimpl,
)


class Mine(GradientMethod):
    """Tell data from as much noise: at the optimum exp(-F) is the density of the data."""

    ratio: int = 4

    def build(self, problem: Problem) -> Surface:
        return SelfNormalizedSurface(problem, problem.gaussian(scale=2.5))

    def loss(self, surface: SelfNormalizedSurface, batch: Batch, rng: Generator) -> Tensor:
        noise = surface.noise.sample(self.ratio * len(batch), rng)
        data, other = (-surface(y) - surface.noise.log_prob(y) - math.log(self.ratio) for y in (batch.y, noise))
        return softplus(-data).mean() + self.ratio * softplus(other).mean()


@hookimpl
def ebmbench_methods() -> Iterator[MethodSpec]:
    yield MethodSpec("mine", Mine, Strategy.C2, EnergyKind.NORMALIZED, summary="tells data from noise")


if __name__ == "__main__":
    import ebmbench

    found = ebmbench.run("smoke", plugins=(__file__,), overrides=("methods=[oracle, gaussian, gmm, mine]",))
    for standing in found.report.leaderboard.boards[0].standings:
        print(standing.row, standing.factor.value, standing.word)
