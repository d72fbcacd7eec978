"""Objectives given a context: y = slope x + e has closed forms; without its own x a row has another answer."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
import torch
from scipy.stats import norm
from torch import Generator, Tensor, nn

from ebmbench.contracts.dataset import Batch
from ebmbench.contracts.domain import Box
from ebmbench.contracts.problem import Context
from ebmbench.contracts.records import NetConfig
from ebmbench.contracts.surface import Contextual, EnergyModel, Surface
from ebmbench.datasets.conditional import TwoBranches
from ebmbench.parts.gradient import GradientMethod
from ebmbench.parts.noise import LinearGaussian
from ebmbench.parts.shared import shared_problem
from ebmbench_plugins.a1_bounded_volume.kmeans_net import KMeansNet, PrototypeNet
from ebmbench_plugins.a1_bounded_volume.mdn import MDN, MixtureNet
from ebmbench_plugins.a4_score_matching.dsm import DSM
from ebmbench_plugins.a4_score_matching.sm_exact import SMExact
from ebmbench_plugins.c1_maximum_likelihood.mle_grid import MLEGrid
from ebmbench_plugins.c1_maximum_likelihood.snl import SNL
from ebmbench_plugins.c2_chosen_points.cd_k import CDk
from ebmbench_plugins.c2_chosen_points.cnce import CNCE
from ebmbench_plugins.c2_chosen_points.energy_discrepancy import EnergyDiscrepancy
from ebmbench_plugins.c2_chosen_points.nce import NCE
from ebmbench_plugins.c2_chosen_points.pcd import PCD
from ebmbench_plugins.c2_chosen_points.rank_nce import RankNCE
from ebmbench_plugins.c3_denoising.dae_potential import DAEPotential
from ebmbench_plugins.reference.rows import LeastSquares, MeanSurface
from tests.stand_ins import StandIns

SLOPE = 1.5
SPACE = Box((-9.0,), (9.0,))
CONTEXT = Box((-3.0,), (3.0,))


class Line(EnergyModel, Contextual):
    """F(y, x) = a (y - b x)^2 / 2."""

    def __init__(self, a: float, b: float) -> None:
        super().__init__()
        self.a, self.b = nn.Parameter(torch.tensor(a)), nn.Parameter(torch.tensor(b))

    def forward(self, y: Tensor) -> Tensor:
        return self.a * (y - self.b * self.context_of(len(y))).square().sum(-1) / 2


def rows(n: int, generator: Generator) -> Batch:
    """x ~ N(0, 1), y = SLOPE x + e, e ~ N(0, 1)."""
    x = torch.randn(n, 1, generator=generator)
    return Batch(SLOPE * x + torch.randn(n, 1, generator=generator), x)


def built(method: GradientMethod, a: float = 0.6, b: float = 0.8) -> Surface:
    seen = rows(20_000, Generator().manual_seed(3))
    context = Context.of(CONTEXT, seen, torch.float32)
    cov = torch.cov(seen.y.T).reshape(1, 1)
    problem = shared_problem(SPACE, NetConfig(), seen.y.mean(0), cov, context)
    return method.build(dataclasses.replace(problem, parts=StandIns(Line(a, b))))


def fit(method: GradientMethod, surface: Surface, steps: int, shuffled: bool = False) -> Surface:
    stepper = method.stepper(surface)
    data, noise = Generator().manual_seed(1), Generator().manual_seed(2)
    for step in range(steps):
        batch = rows(method.batch, data)
        assert batch.x is not None
        batch = Batch(batch.y, batch.x.flip(0)) if shuffled else batch
        stepper.step(batch, noise, step / steps)
    return stepper.eval_surface()


FAST: dict[str, Any] = {"lr": 0.02, "ema": 0.9, "warmup": 5}
WIDE = 1 + 0.25 * (1 + SLOPE**2)
"""Variance of what is left of y once its noise, of half of its spread, is added."""
CASES: dict[str, tuple[GradientMethod, float]] = {
    "mle_grid": (MLEGrid(cells=24, **FAST), 1.0),
    "snl": (SNL(**FAST), 1.0),
    "nce": (NCE(**FAST), 1.0),
    "rank_nce": (RankNCE(**FAST), 1.0),
    "cnce": (CNCE(**FAST), 1.0),
    "energy_discrepancy": (EnergyDiscrepancy(draws=32, **FAST), 1.0),
    "cd_k": (CDk(first_step=0.1, langevin_steps=4, **FAST), 1.0),
    "pcd": (PCD(first_step=0.1, chains=2048, **FAST), 1.0),
    "sm_exact": (SMExact(**FAST), 1.0),
    "dsm": (DSM(noise=0.5, **FAST), 1 / WIDE),
    "dae_potential": (DAEPotential(noise=0.5, **FAST), 1 / WIDE),
}


@pytest.mark.long
@pytest.mark.parametrize("name", CASES)
def test_the_precision_and_the_slope_are_found(name: str) -> None:
    method, precision = CASES[name]
    steps = 600 if name in ("nce", "snl") else 300
    found = fit(method, built(method), steps)
    assert float(found.get_parameter("net.a")) == pytest.approx(precision, rel=0.1)
    assert float(found.get_parameter("net.b")) == pytest.approx(SLOPE, rel=0.06)


@pytest.mark.parametrize("name", ["nce", "dsm"])
def test_the_contexts_of_other_rows_say_nothing(name: str) -> None:
    """The wrong twin: the slope of shuffled pairs is zero."""
    method, _ = CASES[name]
    found = fit(method, built(method), 300, shuffled=True)
    assert abs(float(found.get_parameter("net.b"))) < 0.2


def test_the_noise_follows_the_linear_fit() -> None:
    """Its mean is SLOPE x, its variance that of the residual: one, where the marginal has 1 + SLOPE^2."""
    seen = rows(50_000, Generator().manual_seed(5))
    context = Context.of(CONTEXT, seen, torch.float64)
    seen = seen.map(Tensor.double)
    assert seen.x is not None
    noise = LinearGaussian(seen.y.mean(0), torch.cov(seen.y.T).reshape(1, 1), context, 1.0)
    noise.context = seen.x
    drawn = noise.sample(len(seen), Generator().manual_seed(0))
    off = drawn - SLOPE * seen.x
    assert float(off.mean()) == pytest.approx(0, abs=0.02)
    assert float(off.var()) == pytest.approx(1, rel=0.03)
    expected = norm.logpdf(seen.y.numpy(), SLOPE * seen.x.numpy()).mean()
    assert float(noise.log_prob(seen.y).mean()) == pytest.approx(expected, abs=1e-3)


# --- what is a network of x ------------------------------------------------------------------------------------------

BRANCHES = TwoBranches(sigma=0.1)
SMALL = NetConfig(features=16, scales=(1.0,), width=32, depth=1)


def on_branches(method: GradientMethod, steps: int) -> Surface:
    data, noise = Generator().manual_seed(1), Generator().manual_seed(2)
    seen = BRANCHES.sample(5000, data)
    context = Context.of(BRANCHES.context, seen, torch.float32)
    cov = torch.cov(seen.y.T).reshape(1, 1).float()
    torch.manual_seed(0)
    surface = method.build(shared_problem(BRANCHES.domain, SMALL, seen.y.mean(0).float(), cov, context))
    stepper = method.stepper(surface)
    for step in range(steps):
        stepper.step(BRANCHES.sample(method.batch, data).map(Tensor.float), noise, step / steps)
    return stepper.eval_surface()


X = torch.linspace(-2.5, 2.5, 40)[:, None]


def upper() -> Tensor:
    """f(x), the places of the two branches being +-f(x)."""
    return BRANCHES.upper(X.double()).float().reshape(-1, 1)


@pytest.mark.long
def test_prototypes_lie_on_the_branches() -> None:
    """Two of them: one on each; without their x they would lie on the mean of each branch."""
    surface = on_branches(KMeansNet(clusters=2, lr=5e-3, slack=0.0), 600).given(X)
    assert isinstance(surface, PrototypeNet)
    with torch.no_grad():
        places = (surface.mean + surface.std * surface.prototypes(len(X)))[..., 0].sort(-1).values
    expected = torch.cat([-upper(), upper()], -1)
    assert float((places - expected).abs().mean()) < 0.06
    assert float((expected - expected.mean(0)).abs().mean()) > 0.2


@pytest.mark.long
def test_the_mixture_has_the_branches_their_weights_and_their_width() -> None:
    surface = on_branches(MDN(components=2, lr=5e-3), 600).given(X)
    assert isinstance(surface, MixtureNet)
    with torch.no_grad():
        log_weights, means, log_stds = surface.mixture(len(X))
    places = (surface.mean + surface.std * means)[..., 0].sort(-1).values
    assert float((places - torch.cat([-upper(), upper()], -1)).abs().mean()) < 0.06
    assert float((log_weights.exp() - 0.5).abs().mean()) < 0.08
    assert float((surface.std * log_stds.exp()).mean()) == pytest.approx(0.1, rel=0.25)


def test_the_energy_of_the_mixture_is_that_of_the_mixture() -> None:
    """Against scipy's normals, given each x, and it integrates to one."""
    surface = on_branches(MDN(components=3), 3)
    given = surface.given(X[:5])
    assert isinstance(given, MixtureNet)
    y = torch.linspace(-40, 40, 20_001)[:, None]
    with torch.no_grad():
        log_weights, means, log_stds = given.mixture(5)
        for k in range(5):
            std = float(surface.get_buffer("std"))
            places = float(surface.get_buffer("mean")) + std * means[k, :, 0].numpy()
            widths = std * log_stds[k, :, 0].exp().numpy()
            density = norm.pdf(y.numpy(), places, widths) @ log_weights[k].exp().numpy()
            energy = surface.given(X[k : k + 1])(y)
            np.testing.assert_allclose(torch.exp(-energy).numpy(), density, rtol=1e-3, atol=1e-6)
            assert float(torch.exp(-energy).sum() * 80 / 20_000) == pytest.approx(1, abs=1e-3)


@pytest.mark.long
def test_least_squares_says_the_mean_which_is_no_branch() -> None:
    surface = on_branches(LeastSquares(lr=5e-3), 400).given(X)
    assert isinstance(surface, MeanSurface)
    guesses = surface.guess(3, Generator())
    assert guesses.shape == (40, 3, 1)
    assert float(guesses.abs().mean()) < 0.15
    assert float(upper().abs().mean()) > 0.8
    variance = float((surface.log_variance.exp() * surface.std.square()).detach())
    assert variance == pytest.approx(float(upper().square().mean()) + 0.01, rel=0.25)
