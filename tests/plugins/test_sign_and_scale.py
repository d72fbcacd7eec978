"""Every objective finds the closed-form answer on normal data; the same objective with its sign flipped does not.

The free parameter is one number a: the energy F = a |y|^2 / 2 (a -> 1 for maximum likelihood, 1 / (1 + s^2) for the
density smoothed by s), or the map G(u) = a u. Training is the real stepper on the real loss.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import pytest
import torch
from torch import Generator, Tensor

from ebmbench.contracts.dataset import Batch
from ebmbench.contracts.domain import square
from ebmbench.contracts.problem import Problem
from ebmbench.contracts.surface import Surface
from ebmbench.parts.autoencoder import ReconstructionSurface
from ebmbench.parts.energies import SelfNormalizedSurface
from ebmbench.parts.gradient import GradientMethod
from ebmbench_plugins.a3_contraction.cae import CAE
from ebmbench_plugins.a4_score_matching.dsm import DSM
from ebmbench_plugins.c1_maximum_likelihood.mle_grid import GridSurface, MLEGrid
from ebmbench_plugins.c1_maximum_likelihood.snl import SNL
from ebmbench_plugins.c2_chosen_points.cd_k import CDk
from ebmbench_plugins.c2_chosen_points.cd_kick import CDKick
from ebmbench_plugins.c2_chosen_points.cnce import CNCE
from ebmbench_plugins.c2_chosen_points.energy_discrepancy import EnergyDiscrepancy
from ebmbench_plugins.c2_chosen_points.gan_ratio import GANRatio
from ebmbench_plugins.c2_chosen_points.margin import Margin
from ebmbench_plugins.c2_chosen_points.mle_hmc import MLEHMC
from ebmbench_plugins.c2_chosen_points.mle_langevin import MLELangevin
from ebmbench_plugins.c2_chosen_points.nce import NCE
from ebmbench_plugins.c2_chosen_points.pcd import PCD
from ebmbench_plugins.c2_chosen_points.rank_nce import RankNCE
from ebmbench_plugins.c3_denoising.dae import DAE
from ebmbench_plugins.c3_denoising.dae_potential import DAEPotential
from tests.stand_ins import Quadratic, Scaling, standing_in

STEPS = 300
NCE_STEPS = 600
"""Its log Z and its energy, at rates ten times apart, take longer to settle."""


def free(a: float, offset: float = 0.0) -> Problem:
    """N(0, I) data on the square of 7, and F = a |y|^2 / 2 + offset for the energy net."""
    return standing_in(Quadratic(a, offset))


DESCENT = tuple(0.3 * 0.9**k for k in range(20))


def langevin_truth() -> float:
    """The a whose chains end with variance 1: v <- (1 - e a)^2 v + 2 e from the start's 1.2, by bisection."""
    low, high = 0.2, 3.0
    for _ in range(50):
        a, v = (low + high) / 2, 1.2
        for e in DESCENT:
            v = (1 - e * a) ** 2 * v + 2 * e
        low, high = (a, high) if v > 1 else (low, a)
    return low


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


def on_a_square_of_3(a: float) -> Problem:
    return standing_in(Quadratic(a), domain=square(3))


def against_a_generator(a: float) -> Problem:
    """log p_G - log p = (1 - 1 / s^2) |y|^2 / 2 - 2 log s, s = 1.5."""
    return standing_in(Quadratic(a, -2 * math.log(1.5)), Scaling(1.5))


def as_a_map(a: float) -> Problem:
    return standing_in(map=Scaling(a))


FAST: dict[str, Any] = {"lr": 0.02, "ema": 0.9, "warmup": 5}
LANGEVIN: dict[str, Any] = {"steps": 20, "first_step": DESCENT[0], "last_step": DESCENT[-1], "chains": 256}
ONE_LEVEL: dict[str, Any] = {"noise_low": 0.5, "noise_high": 0.5 + 1e-6}
CASES: dict[str, tuple[GradientMethod, Callable[[float], Problem], float]] = {
    "mle_grid": (MLEGrid(cells=24, **FAST), free, 1.0),
    "snl": (SNL(**FAST), free, 1.0),
    "nce": (NCE(**FAST), free, 1.0),
    "rank_nce": (RankNCE(**FAST), free, 1.0),
    "cnce": (CNCE(**FAST), free, 1.0),
    "energy_discrepancy": (EnergyDiscrepancy(draws=32, **FAST), free, 1.0),
    "cd_k": (CDk(first_step=0.2, langevin_steps=4, **FAST), free, 1.0),
    "cd_kick": (CDKick(**FAST), free, 1.0),
    "pcd": (PCD(first_step=0.2, **FAST), free, 1.0),
    "mle_hmc": (MLEHMC(first_step=0.5, **FAST), free, 1.0),
    "mle_langevin": (MLELangevin(penalty=0.0, clip=None, **LANGEVIN, **FAST), free, langevin_truth()),
    "margin": (Margin(**FAST), on_a_square_of_3, margin_truth()),
    "gan_ratio": (GANRatio(generator_rate=1e-9, **FAST), against_a_generator, 1 - 1 / 1.5**2),
    "dsm": (DSM(noise=0.5, **FAST), free, 1 / 1.25),
    "dae": (DAE(energy_noise=0.0, **ONE_LEVEL, **FAST), as_a_map, 1 / 1.25),
    "dae_potential": (DAEPotential(noise=0.5, **FAST), free, 1 / 1.25),
    "cae": (CAE(contraction=0.25, energy_noise=0.0, **FAST), as_a_map, 1 / 1.25),
}


def built(name: str, a: float) -> Surface:
    method, problem, _ = CASES[name]
    return method.build(problem(a))


def parameter(surface: Surface) -> float:
    return float(surface.get_parameter("map.a" if isinstance(surface, ReconstructionSurface) else "net.a"))


def fitted(name: str, a: float) -> Surface:
    return fit(CASES[name][0], built(name, a), NCE_STEPS if name == "nce" else STEPS)


def fit(method: GradientMethod, surface: Surface, steps: int) -> Surface:
    """What is to be measured after training on N(0, I)."""
    stepper = method.stepper(surface)
    data, noise = Generator().manual_seed(1), Generator().manual_seed(2)
    for step in range(steps):
        stepper.step(Batch(torch.randn(method.batch, 2, generator=data)), noise, step / steps)
    return stepper.eval_surface()


def flipped(method: GradientMethod) -> GradientMethod:
    """The wrong twin: the same method with its loss negated."""

    class Flipped(type(method)):  # type: ignore[misc]
        def loss(self, surface: object, batch: Batch, rng: Generator) -> Tensor | Mapping[str, Tensor]:
            value: Tensor | Mapping[str, Tensor] = super().loss(surface, batch, rng)
            return -value if isinstance(value, Tensor) else {part: -term for part, term in value.items()}

    twin: GradientMethod = Flipped(**method.model_dump())
    return twin


@pytest.mark.long
@pytest.mark.parametrize("start", [0.4, 2.0])
@pytest.mark.parametrize("name", CASES)
def test_an_objective_finds_the_closed_form(name: str, start: float) -> None:
    assert parameter(fitted(name, start)) == pytest.approx(CASES[name][2], abs=0.05)


@pytest.mark.long
@pytest.mark.parametrize("name", CASES)
def test_a_flipped_objective_does_not(name: str) -> None:
    method, _, truth = CASES[name]
    found = parameter(fit(flipped(method), built(name, 0.4), steps=150))
    assert not abs(found - truth) < 0.15


@pytest.mark.long
@pytest.mark.parametrize("name", ["nce", "snl"])
def test_the_normalizer_is_estimated(name: str) -> None:
    surface = fitted(name, 0.4)
    assert isinstance(surface, SelfNormalizedSurface)
    assert float(surface.log_z) == pytest.approx(math.log(2 * math.pi), abs=0.05)


def test_mle_grid_keeps_the_normalizer() -> None:
    surface = fitted("mle_grid", 0.4)
    assert isinstance(surface, GridSurface)
    assert float(surface.log_z) == pytest.approx(math.log(2 * math.pi), abs=0.05)
