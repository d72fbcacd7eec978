"""Every objective finds the closed-form answer on normal data; the same objective with its sign flipped does not.

The free parameter is one number a: the energy F = a |y|^2 / 2 (a -> 1 for maximum likelihood, 1 / (1 + s^2) for the
density smoothed by s), or the map G(u) = a u. Training is the real stepper on the real loss.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import pytest
import torch
from torch import Generator, Tensor, nn

from ebmbench.contracts import Batch
from ebmbench.datasets.domain import square
from ebmbench.parts.autoencoder import ReconstructionSurface
from ebmbench.parts.denoising import ScoreSurface
from ebmbench.parts.energies import EnergySurface, NoiseSurface, SelfNormalizedSurface
from ebmbench.parts.gradient import GradientMethod
from ebmbench.parts.noise import Gaussian
from ebmbench.parts.problem import Problem
from ebmbench.parts.samplers import Hmc, Mala
from ebmbench.parts.surface import Surface
from ebmbench.suite.schema import NetConfig
from ebmbench_plugins.a3_contraction.cae import CAE
from ebmbench_plugins.a4_score_matching.dsm import DSM
from ebmbench_plugins.c1_maximum_likelihood.mle_grid import GridSurface, MLEGrid
from ebmbench_plugins.c1_maximum_likelihood.snl import SNL
from ebmbench_plugins.c2_chosen_points.cd_k import CDk
from ebmbench_plugins.c2_chosen_points.cd_kick import CDKick
from ebmbench_plugins.c2_chosen_points.chains import ChainSurface, MovingSurface
from ebmbench_plugins.c2_chosen_points.cnce import CNCE
from ebmbench_plugins.c2_chosen_points.energy_discrepancy import EnergyDiscrepancy
from ebmbench_plugins.c2_chosen_points.gan_ratio import GANRatio, GANSurface
from ebmbench_plugins.c2_chosen_points.margin import Margin, MarginSurface
from ebmbench_plugins.c2_chosen_points.mle_hmc import MLEHMC
from ebmbench_plugins.c2_chosen_points.mle_langevin import LangevinSurface, MLELangevin
from ebmbench_plugins.c2_chosen_points.nce import NCE
from ebmbench_plugins.c2_chosen_points.pcd import PCD
from ebmbench_plugins.c2_chosen_points.rank_nce import RankNCE
from ebmbench_plugins.c3_denoising.dae import DAE
from ebmbench_plugins.c3_denoising.dae_potential import DAEPotential

STEPS = 600
SMALL = NetConfig(features=4, width=4, depth=1)


class Quadratic(nn.Module):
    """F(y) = a |y|^2 / 2 + offset, in the place of the energy net."""

    mean: Tensor
    std: Tensor

    def __init__(self, a: float, offset: float = 0.0) -> None:
        super().__init__()
        self.a = nn.Parameter(torch.tensor(a))
        self.offset = offset
        self.register_buffer("mean", torch.zeros(2))
        self.register_buffer("std", torch.ones(2))

    def forward(self, y: Tensor) -> Tensor:
        return self.a * y.square().sum(-1) / 2 + self.offset

    def with_gradient(self, y: Tensor) -> tuple[Tensor, Tensor]:
        return self(y), self.a * y


class Scaling(nn.Module):
    """G(u) = a u, in the place of the auto-encoder's map."""

    def __init__(self, a: float) -> None:
        super().__init__()
        self.a = nn.Parameter(torch.tensor(a))

    def forward(self, u: Tensor) -> Tensor:
        return self.a * u

    def with_jacobian(self, u: Tensor) -> tuple[Tensor, Tensor]:
        return self(u), self.a * torch.eye(2).expand(len(u), 2, 2)


def grid_case(a: float) -> Surface:
    return GridSurface(Quadratic(a), square(7), 24)  # type: ignore[arg-type]


def wide(scale: float = 2.5) -> Gaussian:
    return Gaussian(torch.zeros(2), scale * torch.eye(2))


def normalized_case(a: float) -> Surface:
    return SelfNormalizedSurface(Quadratic(a), wide())  # type: ignore[arg-type]


def noise_case(a: float) -> Surface:
    return NoiseSurface(Quadratic(a), wide())  # type: ignore[arg-type]


def free_case(a: float) -> Surface:
    return EnergySurface(Quadratic(a))  # type: ignore[arg-type]


def pcd_case(a: float) -> Surface:
    return ChainSurface(Quadratic(a), wide(1.2), Mala(0.2), 4, 256)  # type: ignore[arg-type]


def hmc_case(a: float) -> Surface:
    return ChainSurface(Quadratic(a), wide(1.2), Hmc(0.5, 5), 1, 256)  # type: ignore[arg-type]


def cd_case(a: float) -> Surface:
    return MovingSurface(Quadratic(a), wide(1.2), Mala(0.2), 4)  # type: ignore[arg-type]


DESCENT = tuple(0.3 * 0.9**k for k in range(20))


def langevin_case(a: float) -> Surface:
    return LangevinSurface(Quadratic(a), wide(1.2), DESCENT)  # type: ignore[arg-type]


def langevin_truth() -> float:
    """The a whose chains end with variance 1: v <- (1 - e a)^2 v + 2 e from the start's 1.2, by bisection."""
    low, high = 0.2, 3.0
    for _ in range(50):
        a, v = (low + high) / 2, 1.2
        for e in DESCENT:
            v = (1 - e * a) ** 2 * v + 2 * e
        low, high = (a, high) if v > 1 else (low, a)
    return low


def margin_case(a: float) -> Surface:
    return MarginSurface(Quadratic(a), square(3))  # type: ignore[arg-type]


def margin_truth() -> float:
    """The root of E[gap; 1 + a gap > 0], gap = (|y|^2 - |y^-|^2) / 2, on other draws and in double precision."""
    g = Generator().manual_seed(11)
    y, base, kick = (torch.randn(1500, 2, generator=g, dtype=torch.float64) for _ in range(3))
    anywhere = 6 * torch.rand(1500, 2, generator=g, dtype=torch.float64) - 3
    size = torch.exp(math.log(0.1) + math.log(20) * torch.rand(1500, 1, generator=g, dtype=torch.float64))
    gap = (y.square().sum(-1)[:, None] - torch.cat([anywhere, base + size * kick]).square().sum(-1)) / 2
    low, high = 0.0, 5.0
    for _ in range(20):
        a = (low + high) / 2
        low, high = (a, high) if float((gap * (1 + a * gap > 0)).sum()) < 0 else (low, a)
    return low


class Spread(nn.Module):
    """G(z) = s z, in the place of the generator."""

    def __init__(self, s: float) -> None:
        super().__init__()
        self.s = nn.Parameter(torch.tensor(s))

    def forward(self, z: Tensor) -> Tensor:
        return self.s * z


def gan_case(a: float) -> Surface:
    """log p_G - log p = (1 - 1 / s^2) |y|^2 / 2 - 2 log s, s = 1.5."""
    return GANSurface(Quadratic(a, -2 * math.log(1.5)), Spread(1.5))  # type: ignore[arg-type]


def dsm_case(a: float) -> Surface:
    return ScoreSurface(Quadratic(a), torch.tensor(0.5))  # type: ignore[arg-type]


def map_case(a: float) -> Surface:
    surface = ReconstructionSurface(Problem.blank(square(7), SMALL), 0.0, 4)
    surface.map = Scaling(a)
    return surface


FAST = {"lr": 0.02, "ema": 0.9, "warmup": 5}
CASES: dict[str, tuple[GradientMethod, Callable[[float], Surface], float]] = {
    "mle_grid": (MLEGrid(**FAST), grid_case, 1.0),
    "snl": (SNL(**FAST), normalized_case, 1.0),
    "nce": (NCE(**FAST), normalized_case, 1.0),
    "rank_nce": (RankNCE(**FAST), noise_case, 1.0),
    "cnce": (CNCE(**FAST), free_case, 1.0),
    "energy_discrepancy": (EnergyDiscrepancy(draws=32, **FAST), free_case, 1.0),
    "cd_k": (CDk(**FAST), cd_case, 1.0),
    "cd_kick": (CDKick(**FAST), free_case, 1.0),
    "pcd": (PCD(**FAST), pcd_case, 1.0),
    "mle_hmc": (MLEHMC(**FAST), hmc_case, 1.0),
    "mle_langevin": (MLELangevin(chains=256, penalty=0.0, clip=None, **FAST), langevin_case, langevin_truth()),
    "margin": (Margin(**FAST), margin_case, margin_truth()),
    "gan_ratio": (GANRatio(generator_rate=1e-9, **FAST), gan_case, 1 - 1 / 1.5**2),
    "dsm": (DSM(noise=0.5, **FAST), dsm_case, 1 / 1.25),
    "dae": (DAE(noise_low=0.5, noise_high=0.5 + 1e-6, **FAST), map_case, 1 / 1.25),
    "dae_potential": (DAEPotential(noise=0.5, **FAST), dsm_case, 1 / 1.25),
    "cae": (CAE(contraction=0.25, **FAST), map_case, 1 / 1.25),
}


def parameter(surface: Surface) -> float:
    (value,) = (p for name, p in surface.named_parameters() if name.endswith(".a"))
    return float(value)


def fit(method: GradientMethod, surface: Surface, steps: int = STEPS) -> Surface:
    """The readout after training on N(0, I)."""
    stepper = method.stepper(surface)
    data, noise = Generator().manual_seed(1), Generator().manual_seed(2)
    for step in range(steps):
        stepper.step(Batch(torch.randn(method.batch, 2, generator=data)), noise, step / steps)
    return stepper.readout()


def flipped(method: GradientMethod) -> GradientMethod:
    """The wrong twin: the same method with its loss negated."""

    class Flipped(type(method)):  # type: ignore[misc]
        def loss(self, surface: object, batch: Batch, rng: Generator) -> Tensor | Mapping[str, Tensor]:
            value: Tensor | Mapping[str, Tensor] = super().loss(surface, batch, rng)
            return -value if isinstance(value, Tensor) else {part: -term for part, term in value.items()}

    twin: GradientMethod = Flipped(**method.model_dump())
    return twin


@pytest.mark.parametrize("start", [0.4, 2.0])
@pytest.mark.parametrize("name", CASES)
def test_an_objective_finds_the_closed_form(name: str, start: float) -> None:
    method, case, truth = CASES[name]
    found = parameter(fit(method, case(start)))
    assert found == pytest.approx(truth, abs=0.05)


@pytest.mark.parametrize("name", CASES)
def test_a_flipped_objective_does_not(name: str) -> None:
    method, case, truth = CASES[name]
    found = parameter(fit(flipped(method), case(0.4), steps=150))
    assert not abs(found - truth) < 0.15


@pytest.mark.parametrize("name", ["nce", "snl"])
def test_the_normalizer_is_estimated(name: str) -> None:
    surface = fit(CASES[name][0], normalized_case(0.4))
    assert isinstance(surface, SelfNormalizedSurface)
    assert float(surface.log_z) == pytest.approx(math.log(2 * math.pi), abs=0.05)


def test_mle_grid_keeps_the_normalizer() -> None:
    surface = fit(CASES["mle_grid"][0], grid_case(0.4))
    assert isinstance(surface, GridSurface)
    assert float(surface.log_z) == pytest.approx(math.log(2 * math.pi), abs=0.05)
