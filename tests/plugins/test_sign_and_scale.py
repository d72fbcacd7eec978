"""Every objective finds the closed-form answer on normal data; the same objective with its sign flipped does not.

The free parameter is one number a: the energy F = a |y|^2 / 2 (a -> 1 for maximum likelihood, 1 / (1 + s^2) for the
density smoothed by s), or the map G(u) = a u. Training is the real stepper on the real loss.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import Generator, Tensor, nn

from ebmbench.contracts import Batch
from ebmbench.datasets.domain import square
from ebmbench.parts.autoencoder import ReconstructionSurface
from ebmbench.parts.denoising import ScoreSurface
from ebmbench.parts.gradient import GradientMethod
from ebmbench.parts.noise import Gaussian
from ebmbench.parts.problem import Problem
from ebmbench.parts.surface import Surface
from ebmbench.suite.schema import NetConfig
from ebmbench_plugins.a3_contraction.cae import CAE
from ebmbench_plugins.a4_score_matching.dsm import DSM
from ebmbench_plugins.c1_maximum_likelihood.mle_grid import GridSurface, MLEGrid
from ebmbench_plugins.c2_chosen_points.nce import NCE, NCESurface
from ebmbench_plugins.c2_chosen_points.pcd import PCD, PCDSurface
from ebmbench_plugins.c3_denoising.dae import DAE
from ebmbench_plugins.c3_denoising.dae_potential import DAEPotential

STEPS = 600
SMALL = NetConfig(features=4, width=4, depth=1)


class Quadratic(nn.Module):
    """F(y) = a |y|^2 / 2, in the place of the energy net."""

    mean: Tensor
    std: Tensor

    def __init__(self, a: float) -> None:
        super().__init__()
        self.a = nn.Parameter(torch.tensor(a))
        self.register_buffer("mean", torch.zeros(2))
        self.register_buffer("std", torch.ones(2))

    def forward(self, y: Tensor) -> Tensor:
        return self.a * y.square().sum(-1) / 2

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


def nce_case(a: float) -> Surface:
    return NCESurface(Quadratic(a), Gaussian(torch.zeros(2), 2.5 * torch.eye(2)))  # type: ignore[arg-type]


def pcd_case(a: float) -> Surface:
    noise = Gaussian(torch.zeros(2), 1.2 * torch.eye(2))
    return PCDSurface(Quadratic(a), noise, 256, PCD(first_step=0.2))  # type: ignore[arg-type]


def dsm_case(a: float) -> Surface:
    return ScoreSurface(Quadratic(a), torch.tensor(0.5))  # type: ignore[arg-type]


def map_case(a: float) -> Surface:
    surface = ReconstructionSurface(Problem.blank(square(7), SMALL), 0.0, 4)
    surface.map = Scaling(a)  # type: ignore[assignment]
    return surface


FAST = {"lr": 0.02, "ema": 0.9, "warmup": 5}
CASES: dict[str, tuple[GradientMethod, Callable[[float], Surface], float]] = {
    "mle_grid": (MLEGrid(**FAST), grid_case, 1.0),
    "nce": (NCE(**FAST), nce_case, 1.0),
    "pcd": (PCD(first_step=0.2, **FAST), pcd_case, 1.0),
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
        def loss(self, surface: object, batch: Batch, rng: Generator) -> Tensor:
            value: Tensor = super().loss(surface, batch, rng)
            return -value

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


def test_nce_estimates_the_normalizer() -> None:
    surface = fit(CASES["nce"][0], nce_case(0.4))
    assert isinstance(surface, NCESurface)
    assert float(surface.log_z) == pytest.approx(math.log(2 * math.pi), abs=0.05)


def test_mle_grid_keeps_the_normalizer() -> None:
    surface = fit(CASES["mle_grid"][0], grid_case(0.4))
    assert isinstance(surface, GridSurface)
    assert float(surface.log_z) == pytest.approx(math.log(2 * math.pi), abs=0.05)


def test_nce_at_the_truth_is_its_floor() -> None:
    """-E_p log D - nu E_q log(1 - D) at F = -log p, by quadrature, equals the loss within its sampling error."""
    nu, noise = 4, Gaussian(torch.zeros(2), 2.5 * torch.eye(2))
    surface = NCESurface(Quadratic(1.0), noise)  # type: ignore[arg-type]
    with torch.no_grad():
        surface.log_z.fill_(math.log(2 * math.pi))
        y = torch.randn(200_000, 2, generator=Generator().manual_seed(3))
        loss = float(NCE(noise_ratio=nu).loss(surface, Batch(y), Generator().manual_seed(4)))
        support = square(12).support(400)
        truth, drawn = Gaussian(torch.zeros(2), torch.eye(2)), noise
        log_p, log_q = truth.log_prob(support.points.float()), drawn.log_prob(support.points.float()) + math.log(nu)
        top = torch.logaddexp(log_p, log_q)
        weight = support.log_weight.float().exp()
        floor = -(weight * (log_p.exp() * (log_p - top) + log_q.exp() * (log_q - top))).sum()
    assert loss == pytest.approx(float(floor), abs=0.01)


@pytest.mark.parametrize("name", ["pcd", "nce"])
def test_nothing_is_differentiated_through_the_negatives(name: str) -> None:
    """The gradient of the loss is that with the negatives held fixed: a chain that moved with a would add a term."""
    method, case, _ = CASES[name]
    surface = case(0.7)
    loss = method.loss(
        surface, Batch(torch.randn(64, 2, generator=Generator().manual_seed(0))), Generator().manual_seed(1)
    )
    assert isinstance(loss, Tensor)
    loss.backward()  # type: ignore[no-untyped-call]
    if isinstance(surface, PCDSurface):
        assert not surface.chains.requires_grad
        data = torch.randn(64, 2, generator=Generator().manual_seed(0)).square().sum(-1).mean() / 2
        chains = surface.chains.square().sum(-1).mean() / 2
        (a,) = surface.net.parameters()
        assert a.grad is not None
        assert float(a.grad) == pytest.approx(float(data - chains), rel=1e-4)
