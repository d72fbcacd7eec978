"""A4 against closed forms: normal data, the floor -I / 2, and what each variant tends to. Each flipped twin fails."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache

import pytest
import torch
from torch import Generator, Tensor, nn

from ebmbench.contracts.dataset import Batch, Dataset
from ebmbench.contracts.domain import square
from ebmbench.contracts.records import NetConfig
from ebmbench.contracts.surface import EnergyModel
from ebmbench.datasets.plane import EightGaussians, Rings
from ebmbench.parts.energies import EnergySurface
from ebmbench.parts.noise import signs
from ebmbench.training.seeding import initialization
from ebmbench_plugins.a4_score_matching import ssm
from ebmbench_plugins.a4_score_matching.dsm_multi import DSMMulti, LevelSurface
from ebmbench_plugins.a4_score_matching.fd_ssm import FDSSM, SlopeSurface
from ebmbench_plugins.a4_score_matching.noise_levels import LevelNet
from ebmbench_plugins.a4_score_matching.sm_exact import SMExact
from ebmbench_plugins.a4_score_matching.ssm import SSM
from tests.factories import make_problem
from tests.stand_ins import standing_in

SIGMA = torch.tensor([[1.5, 0.6], [0.6, 0.8]], dtype=torch.float64)
SMALL = NetConfig(features=16, scales=(0.5, 1.0), width=24, depth=2)
PROBLEM = make_problem(square(5), SMALL, mean=torch.zeros(2, dtype=torch.float64), cov=SIGMA)
METHODS: dict[str, SMExact | SSM | FDSSM] = {
    "sm_exact": SMExact(),
    "ssm": SSM(),
    "ssm_vr": SSM(reduced=True),
    "fd_ssm": FDSSM(difference=0.3),
}


def rng(seed: int) -> Generator:
    return Generator().manual_seed(seed)


def normal_data(n: int = 2000) -> Tensor:
    cholesky: Tensor = torch.linalg.cholesky(SIGMA)
    return torch.randn(n, 2, generator=rng(0), dtype=torch.float64) @ cholesky.T


class Precision(EnergyModel):
    """F(y) = y' P y / 2, in the place of the energy net."""

    def __init__(self, p: Tensor) -> None:
        super().__init__()
        self.p = nn.Parameter(p.clone())

    def forward(self, y: Tensor) -> Tensor:
        return (y @ self.p * y).sum(-1) / 2

    def with_curvature(self, y: Tensor, directions: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        p = (self.p + self.p.T) / 2
        return self(y), y @ p, (directions @ p * directions).sum(-1)


def precision_surface(p: Tensor) -> SlopeSurface:
    return SlopeSurface(standing_in(Precision(p), cov=SIGMA), 0.3)


def slope_at(method: SMExact | SSM | FDSSM, p: Tensor, y: Tensor) -> Tensor:
    """The gradient of the loss with respect to the precision matrix."""
    surface = precision_surface(p)
    (gradient,) = torch.autograd.grad(method.loss(surface, Batch(y), rng(1)), list(surface.net.parameters()))
    return gradient


def test_on_normal_data_score_matching_is_maximum_likelihood() -> None:
    """The loss is quadratic in P, so that one Newton step from anywhere ends at the inverse sample covariance."""
    y = normal_data()

    def loss_of(p: Tensor, sign: float = 1.0) -> Tensor:
        p = (p + p.T) / 2
        return sign * (0.5 * (y @ p).square().sum(-1).mean() - p.trace())

    sample = y.T @ y / len(y)
    start = torch.eye(2, dtype=torch.float64)
    slope = slope_at(SMExact(), start, y)
    torch.testing.assert_close(slope, torch.func.grad(loss_of)(start))
    assert not torch.allclose(slope, torch.func.grad(loss_of)(start, -1.0), atol=0.1)
    torch.testing.assert_close(slope_at(SMExact(), torch.linalg.inv(sample), y), torch.zeros_like(SIGMA))
    assert float(slope_at(SMExact(), torch.linalg.inv(sample) * 1.1, y).abs().max()) > 0.05


@pytest.mark.long
@pytest.mark.parametrize("name", METHODS)
def test_every_variant_finds_the_precision_of_normal_data(name: str) -> None:
    """Gradient descent on the loss ends at the inverse sample covariance, the slices' own noise aside."""
    y, p = normal_data(20_000), torch.eye(2, dtype=torch.float64)
    for _ in range(150):
        p = p - 0.3 * slope_at(METHODS[name], p, y)
    p = (p + p.T) / 2
    torch.testing.assert_close(p, torch.linalg.inv(y.T @ y / len(y)), atol=0.06, rtol=0)
    assert not torch.allclose(p, y.T @ y / len(y), atol=0.3)


@pytest.mark.parametrize("name", METHODS)
def test_a_flipped_variant_runs_away(name: str) -> None:
    y, p = normal_data(), torch.eye(2, dtype=torch.float64)
    for _ in range(20):
        p = p + 0.3 * slope_at(METHODS[name], p, y)
    assert not torch.allclose(p, torch.linalg.inv(SIGMA), atol=0.3)


@pytest.mark.parametrize("name", METHODS)
def test_at_the_true_precision_the_loss_is_minus_half_the_fisher_information(name: str) -> None:
    y, truth = normal_data(50_000), torch.linalg.inv(SIGMA)
    with torch.no_grad():
        loss = METHODS[name].loss(precision_surface(truth), Batch(y), rng(2))
    assert float(loss) == pytest.approx(-float(truth.trace()) / 2, abs=0.03)


class ExactCurvature(EnergyModel):
    """F = -log p of a dataset, its curvature by central differences of the exact score."""

    def __init__(self, dataset: Dataset, sign: float = 1.0) -> None:
        super().__init__()
        self.dataset, self.sign = dataset, sign

    def with_curvature(self, y: Tensor, directions: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        step, score = 1e-4, self.dataset.score
        bends = [(score(y - step * v) - score(y + step * v)) * v for v in directions.unbind(1)]
        second = torch.stack(bends, 1).sum(-1) / (2 * step)
        return -self.dataset.log_prob(y), -score(y), self.sign * second


FLOORS = [(EightGaussians(), -7.74), (Rings(), -77.8)]
"""-I / 2, from quadrature."""


@pytest.mark.long
@pytest.mark.parametrize(("dataset", "floor"), FLOORS, ids=lambda value: type(value).__name__)
def test_the_loss_of_the_true_energy_is_the_floor(dataset: Dataset, floor: float) -> None:
    y = dataset.sample(40_000, rng(3)).y.double()

    def loss(sign: float) -> float:
        return float(SMExact().loss(EnergySurface(ExactCurvature(dataset, sign)), Batch(y), rng(0)))

    assert loss(1.0) == pytest.approx(floor, rel=0.03)
    assert loss(-1.0) != pytest.approx(floor, rel=0.5), "without the sign of the curvature"


# --- the slices on the shared net ------------------------------------------------------------------------------------


def net_surface(h: float = 0.1) -> SlopeSurface:
    with initialization(5):
        return SlopeSurface(PROBLEM, h).double()


@cache
def exact_loss() -> float:
    with torch.no_grad():
        return float(SMExact().loss(net_surface(), Batch(normal_data(100)), rng(0)))


@pytest.mark.long
@pytest.mark.parametrize("reduced", [False, True])
def test_over_all_slices_the_sliced_loss_is_the_exact_one(reduced: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """On the plane the signs have four values: many draws of 100 rows come to the mean. One axis alone does not."""
    y = normal_data(100).repeat(400, 1)
    with torch.no_grad():
        found = float(SSM(reduced=reduced).loss(net_surface(), Batch(y), rng(4)))
        monkeypatch.setattr(ssm, "signs", lambda shape, like, rng: signs(shape, like, rng) * torch.tensor([1.0, 0.0]))
        wrong = float(SSM(reduced=reduced).loss(net_surface(), Batch(y), rng(4)))
    assert found == pytest.approx(exact_loss(), abs=0.01)
    assert wrong != pytest.approx(exact_loss(), abs=0.05)


def test_the_reduced_loss_varies_less() -> None:
    y = normal_data(100)
    with torch.no_grad():
        draws = [
            [float(SSM(reduced=r).loss(net_surface(), Batch(y), rng(seed))) for seed in range(60)]
            for r in (False, True)
        ]
    full, reduced = (float(torch.tensor(values).std()) for values in draws)
    assert reduced < 0.9 * full


def test_differences_tend_to_slices() -> None:
    """Halving h divides the distance to sliced score matching by four."""
    y = normal_data(200)
    with torch.no_grad():
        limit = float(SSM().loss(net_surface(), Batch(y), rng(6)))
        errors = [float(FDSSM().loss(net_surface(h), Batch(y), rng(6))) - limit for h in (0.2, 0.1, 0.05)]
    assert abs(errors[2]) < 0.01
    assert errors[0] / errors[1] == pytest.approx(4, rel=0.2)
    assert errors[1] / errors[2] == pytest.approx(4, rel=0.1)


# --- all noise levels ------------------------------------------------------------------------------------------------


def level_net() -> LevelNet:
    with initialization(7):
        return LevelNet(PROBLEM, 0.02, 3.0).double()


def test_the_derivatives_in_space_and_level_are_autograds() -> None:
    net = level_net()
    y = normal_data(30).requires_grad_()
    log_level = (5 * torch.rand(30, 1, generator=rng(8), dtype=torch.float64) - 4).requires_grad_()
    energy = net(y, log_level.exp())
    by_y, by_level = torch.autograd.grad(energy.sum(), [y, log_level])
    found = net.with_derivatives(y.detach(), log_level.detach().exp())
    torch.testing.assert_close(found, (energy, by_y, by_level.squeeze(-1)))


def test_without_its_layers_the_net_is_the_energy_of_noisy_normal_data() -> None:
    """-log N(y; 0, diag(S) + s^2 spread^2), up to one constant for all levels."""
    net, y = level_net(), normal_data(20)
    with torch.no_grad():
        for parameter in net.last.parameters():
            parameter.zero_()
        differences = []
        for s in (0.02, 0.5, 3.0):
            scale = (SIGMA.diagonal() + (s * PROBLEM.spread) ** 2).sqrt()
            truth = ((y / scale).square() / 2 + scale.log()).sum(-1)
            differences.append(net(y, torch.full((20, 1), s, dtype=torch.float64)) - truth)
    together = torch.cat(differences)
    torch.testing.assert_close(together, together[0].expand(60))


class NormalLevels(LevelNet):
    """F(y, s) = -log N(y; 0, a S + s^2 I): the truth for N(0, S) data when a = 1."""

    def __init__(self, a: float = 1.0, normalized: bool = True) -> None:
        super().__init__(PROBLEM, 0.02, 3.0)
        self.a = nn.Parameter(torch.tensor(a, dtype=torch.float64))
        self.spread = torch.tensor(1.0, dtype=torch.float64)
        self.normalized = normalized

    def with_derivatives(self, y: Tensor, level: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        eigenvalues, axes = torch.linalg.eigh(SIGMA)
        variance = self.a * eigenvalues + level.square()
        z = y @ axes
        energy = (z.square() / variance + variance.log()).sum(-1) / 2
        inner = (1.0 if self.normalized else 0.0) - z.square() / variance
        return energy, (z / variance) @ axes.T, (level.square() / variance * inner).sum(-1)


def level_surface(net: LevelNet) -> LevelSurface:
    return LevelSurface(net, 0.02, 3.0)


def level_slope(a: float, method: DSMMulti) -> float:
    net = NormalLevels(a)
    (gradient,) = torch.autograd.grad(method.loss(level_surface(net), Batch(normal_data(40_000)), rng(9)), net.a)
    return float(gradient)


@pytest.mark.parametrize("weight", [0.0, 0.25, 1.0])
def test_normal_data_are_the_optimum_of_both_terms(weight: float) -> None:
    """In the family -log N(0, a S + s^2 I) the slope of the loss vanishes at a = 1 alone, between two signs."""
    method = DSMMulti(time_weight=weight, noise_low=0.1)
    below, at, above = (level_slope(a, method) for a in (0.7, 1.0, 1.4))
    assert below < 0 < above
    assert abs(at) < 0.1 * min(-below, above)


def test_the_time_term_needs_the_normalizer_at_every_level() -> None:
    """An energy that is right at each level up to a constant of that level has another, larger loss."""
    y, method = Batch(normal_data(20_000)), DSMMulti(time_weight=1.0)
    with torch.no_grad():
        right, wrong = (
            float(method.loss(level_surface(NormalLevels(normalized=kept)), y, rng(10))) for kept in (True, False)
        )
    assert wrong > right + 0.5


def test_the_denoising_term_has_its_least_value_on_normal_data() -> None:
    """min E 1/2 |s grad F - e|^2 = 1/2 (d - s^2 tr (S + s^2 I)^-1), at one level."""
    method, s = DSMMulti(time_weight=0.0, noise_low=0.5, noise_high=0.5 + 1e-6), 0.5
    with torch.no_grad():
        loss = float(method.loss(level_surface(NormalLevels()), Batch(normal_data(100_000)), rng(11)))
    inverse = torch.linalg.inv(SIGMA + s**2 * torch.eye(2, dtype=torch.float64))
    assert loss == pytest.approx(float(2 - s**2 * inverse.trace()) / 2, rel=0.02)


def covariance(draw: Callable[[LevelSurface], Tensor]) -> Tensor:
    return torch.cov(draw(level_surface(NormalLevels())).T)


@pytest.mark.long
def test_annealed_samples_of_a_normal_have_its_moments() -> None:
    surface = level_surface(NormalLevels())
    y = surface.sample(20_000, rng(12))
    torch.testing.assert_close(y.mean(0), torch.zeros(2, dtype=torch.float64), atol=0.03, rtol=0)
    torch.testing.assert_close(torch.cov(y.T), SIGMA, atol=0.06, rtol=0)


def test_langevin_alone_does_not_come_down_in_time() -> None:
    """The wrong twin: without the steps back in time the spread of the coarse levels stays."""

    class LangevinAlone(LevelSurface):
        def _moved(self, y: Tensor, level: float, drift: float, variance: float, rng: Generator) -> Tensor:
            langevin = math.isclose(variance, 2 * drift)
            return super()._moved(y, level, drift, variance, rng) if langevin else y

    surface = LangevinAlone(NormalLevels(), 0.02, 3.0)
    assert not torch.allclose(torch.cov(surface.sample(5000, rng(12)).T), SIGMA, atol=0.3)


def test_a_ladder_that_falls_is_refused() -> None:
    with pytest.raises(ValueError, match="below noise_high"):
        DSMMulti(noise_low=2.0, noise_high=1.0)
