"""Objectives of noise and neighborhood against their floors, limits and variances, known beforehand."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Generator, Tensor, nn
from torch.nn.functional import softplus

from ebmbench.contracts.dataset import Batch
from ebmbench.contracts.domain import Box, square
from ebmbench.contracts.problem import Noise, Problem
from ebmbench.contracts.surface import EnergyModel
from ebmbench.parts.energies import NoiseSurface, ScaledSurface, SelfNormalizedSurface
from ebmbench.parts.noise import Gaussian, normal
from ebmbench_plugins.c1_maximum_likelihood.snl import SNL
from ebmbench_plugins.c2_chosen_points.cd_kick import CDKick
from ebmbench_plugins.c2_chosen_points.cnce import CNCE
from ebmbench_plugins.c2_chosen_points.energy_discrepancy import EnergyDiscrepancy
from ebmbench_plugins.c2_chosen_points.nce import NCE
from ebmbench_plugins.c2_chosen_points.rank_nce import RankNCE
from tests.stand_ins import standing_in

LOG_Z = math.log(2 * math.pi)


class Quartic(EnergyModel):
    """F(y) = a |y|^2 / 2 + b |y|^4 / 4, in the place of the energy net."""

    def __init__(self, a: float, b: float = 0.0) -> None:
        super().__init__()
        self.a = nn.Parameter(torch.tensor(a, dtype=torch.float64))
        self.b = nn.Parameter(torch.tensor(b, dtype=torch.float64))

    def forward(self, y: Tensor) -> Tensor:
        square = y.square().sum(-1)
        return self.a * square / 2 + self.b * square.square() / 4

    def with_gradient(self, y: Tensor) -> tuple[Tensor, Tensor]:
        return self(y), (self.a + self.b * y.square().sum(-1, keepdim=True)) * y


def problem(a: float, b: float = 0.0, dim: int = 2) -> Problem:
    box = Box((-12.0,) * dim, (12.0,) * dim)
    return standing_in(Quartic(a, b), domain=box, dtype=torch.float64)


def wide(dim: int = 2) -> Gaussian:
    return Gaussian(torch.zeros(dim, dtype=torch.float64), 2.5 * torch.eye(dim, dtype=torch.float64))


def data(n: int, seed: int = 3) -> Tensor:
    return torch.randn(n, 2, generator=Generator().manual_seed(seed), dtype=torch.float64)


def rng(seed: int = 4) -> Generator:
    return Generator().manual_seed(seed)


# --- floors at the true energy ---------------------------------------------------------------------------------------


def normalized(log_z: float) -> SelfNormalizedSurface:
    surface = SelfNormalizedSurface(problem(1.0), wide())
    nn.init.constant_(surface.log_z, log_z)
    return surface


def test_nce_at_the_truth_is_its_floor() -> None:
    """-E_p log D - nu E_q log(1 - D) at F = -log p, by quadrature, equals the loss within its sampling error."""
    nu = 4
    with torch.no_grad():
        loss = float(NCE(noise_ratio=nu).loss(normalized(LOG_Z), Batch(data(200_000)), rng()))
        support = square(12).support(400)
        truth = Gaussian(torch.zeros(2, dtype=torch.float64), torch.eye(2, dtype=torch.float64))
        log_p, log_q = truth.log_prob(support.points), wide().log_prob(support.points) + math.log(nu)
        top = torch.logaddexp(log_p, log_q)
        weight = support.log_weight.exp()
        floor = -(weight * (log_p.exp() * (log_p - top) + log_q.exp() * (log_q - top))).sum()
    assert loss == pytest.approx(float(floor), abs=0.01)


def test_snl_at_the_truth_is_the_entropy_and_elsewhere_it_lies_above() -> None:
    """H = 1 + log 2 pi; with log Z off by e the loss is H + e + exp(-e) - 1, an upper bound, tight at e = 0."""
    method = SNL(noise_samples=200_000)
    with torch.no_grad():
        for off in (0.0, 0.5, -0.5):
            loss = float(method.loss(normalized(LOG_Z + off), Batch(data(200_000)), rng()))
            assert loss == pytest.approx(1 + LOG_Z + off + math.exp(-off) - 1, abs=0.02)


class Given(Noise):
    """Noise whose draws are given: N(0, 2.5) on the line at one point."""

    def __init__(self) -> None:
        super().__init__()
        self.law, self.at = wide(1), torch.zeros(1, 1, dtype=torch.float64)

    def sample(self, n: int, generator: Generator) -> Tensor:
        return self.at

    def log_prob(self, y: Tensor) -> Tensor:
        return self.law.log_prob(y)


class Unweighted(NoiseSurface):
    """The wrong twin: the noise's density is left out."""

    def log_ratio(self, y: Tensor) -> Tensor:
        return -self(y)


def quantiles(n: int) -> Tensor:
    """Equally likely points of N(0, 1), (n, 1)."""
    middle = (torch.arange(n, dtype=torch.float64) + 0.5) / n
    return (math.sqrt(2) * torch.erfinv(2 * middle - 1))[:, None]


def rank_loss(surface: NoiseSurface, given: Given) -> float:
    """The loss of one noise draw against the data, averaged over equally likely draws."""
    total, points = 0.0, quantiles(300)
    for at in math.sqrt(2.5) * points:
        given.at = at[None]
        total += float(RankNCE(noise_samples=1).loss(surface, Batch(quantiles(3000)), rng())) / len(points)
    return total


@pytest.mark.long
def test_rank_nce_at_the_truth_is_its_floor() -> None:
    """With one draw: E_p E_q log(1 + p(y') q(y) / (p(y) q(y'))), by quadrature on the plane of (y, y')."""
    given = Given()
    grid = torch.linspace(-10, 10, 1001, dtype=torch.float64)
    log_p, log_q = -grid.square() / 2 - LOG_Z / 2, wide(1).log_prob(grid[:, None])
    ratio = log_p - log_q
    weight = torch.exp(log_p[:, None] + log_q[None]) * 0.02**2
    floor = float((weight * softplus(ratio[None] - ratio[:, None])).sum())
    with torch.no_grad():
        assert rank_loss(NoiseSurface(problem(1.0, dim=1), given), given) == pytest.approx(floor, abs=2e-3)
        assert rank_loss(NoiseSurface(problem(1.2, dim=1), given), given) > floor + 1e-3
        assert rank_loss(Unweighted(problem(1.0, dim=1), given), given) > floor + 0.01


# --- the price of noise-contrastive estimation -----------------------------------------------------------------------


class Replicates(SelfNormalizedSurface):
    """F(y) = precision y^2 / 2 + log Z for each of R separate data sets of the line at once: y (T, R) -> (T, R)."""

    def __init__(self, replicates: int) -> None:
        super().__init__(problem(1.0), Standard(replicates))
        self.theta = nn.Parameter(torch.stack([torch.ones(replicates), torch.full((replicates,), LOG_Z / 2)]))

    def forward(self, y: Tensor) -> Tensor:
        return self.theta[0] * y.square() / 2 + self.theta[1]


class Standard(Noise):
    """N(0, 1) in each of R columns."""

    def __init__(self, replicates: int) -> None:
        super().__init__()
        self.replicates = replicates

    def sample(self, n: int, generator: Generator) -> Tensor:
        return torch.randn(n, self.replicates, generator=generator)

    def log_prob(self, y: Tensor) -> Tensor:
        return -y.square() / 2 - LOG_Z / 2


def variance_of_nce(ratio: int, points: int = 1000, replicates: int = 1000) -> float:
    """T Var of the precision found by NCE with q = p, over replicated fits by Fisher scoring on fixed draws."""
    method, surface = NCE(noise_ratio=ratio), Replicates(replicates)
    y = torch.randn(points, replicates, generator=Generator().manual_seed(5))
    features = torch.tensor([[0.75, 0.5], [0.5, 1.0]])  # E[g g^T] of g = (y^2 / 2, 1)
    inverse = torch.linalg.inv(features * ratio / (1 + ratio))
    for _ in range(6):
        surface.zero_grad()
        (replicates * method.loss(surface, Batch(y), rng(6))).backward()  # type: ignore[no-untyped-call]
        gradient = surface.theta.grad
        assert gradient is not None
        surface.theta.data -= inverse @ gradient
    return points * float(surface.theta[0].detach().var())


@pytest.mark.long
def test_nce_pays_one_plus_one_over_nu_times_the_variance_of_maximum_likelihood() -> None:
    """T Var = 2 (1 + 1 / nu) for the precision of N(0, 1) with q = p; maximum likelihood has 2."""
    y = torch.randn(1000, 1000, generator=Generator().manual_seed(5))
    likelihood = 1000 * float((1 / y.square().mean(0)).var())
    one, four = variance_of_nce(1), variance_of_nce(4)
    assert likelihood == pytest.approx(2.0, rel=0.12)
    assert one == pytest.approx(4.0, rel=0.12)
    assert four == pytest.approx(2.5, rel=0.12)
    assert one / four == pytest.approx(1.6, rel=0.08)


# --- limits ----------------------------------------------------------------------------------------------------------


def score_matching_gradient(a: float, b: float) -> Tensor:
    """d/d(a, b) of E |grad F|^2 / 2 - laplacian F on N(0, I_2): r^2 is exponential, E r^2k = 2^k k!."""
    of_a = a * 2 + b * 8 - 2  # grad F = (a + b r^2) y; the laplacian is 2 a + 4 b r^2
    of_b = a * 8 + b * 48 - 4 * 2
    return torch.tensor([of_a, of_b], dtype=torch.float64)


def cnce_gradient(noise: float, a: float, b: float) -> Tensor:
    """That of (L - 2 log 2) / (s^2 / 2), over chunks of fresh data."""
    method, surface = CNCE(noise_low=noise, noise_high=noise * (1 + 1e-9), pairs=2), ScaledSurface(problem(a, b))
    total, g = torch.zeros(2, dtype=torch.float64), rng(7)
    for _ in range(10):
        y = normal((100_000, 2), total, g)
        parts = torch.autograd.grad(method.loss(surface, Batch(y), g), list(surface.net.parameters()))
        total += torch.stack(parts) / (noise**2 / 2) / 10
    return total


@pytest.mark.long
def test_cnce_tends_to_score_matching_as_its_noise_shrinks() -> None:
    expected = score_matching_gradient(0.5, 0.1)
    torch.testing.assert_close(cnce_gradient(0.05, 0.5, 0.1), expected, atol=0.2, rtol=0)
    assert not torch.allclose(cnce_gradient(1.0, 0.5, 0.1), expected, atol=0.2)
    assert not torch.allclose(-cnce_gradient(0.05, 0.5, 0.1), expected, atol=0.2)


def test_a_kick_without_descent_is_half_of_conditional_nce() -> None:
    surface, size = ScaledSurface(problem(0.5)), 0.5 * (1 + 1e-9)
    kick = CDKick(kick_low=0.5, kick_high=size, descent_step=1e-12)
    pair = CNCE(noise_low=0.5, noise_high=size, pairs=1)
    with torch.no_grad():
        y = data(200_000)
        half = float(pair.loss(surface, Batch(y), rng())) / 2
        assert float(kick.loss(surface, Batch(y), rng())) == pytest.approx(half, abs=5e-3)
        rolled = CDKick(kick_low=0.5, kick_high=size, descent_step=0.3, longest=9.0)
        assert float(rolled.loss(surface, Batch(y), rng())) != pytest.approx(half, abs=5e-2)


def discrepancy(a: float, t: float) -> float:
    """(d / 2) (a - a (1 + t) / (1 + a t) - log(1 + a t)) with d = 2: E_p F - E_{p_t} F_t on N(0, I)."""
    return a - a * (1 + t) / (1 + a * t) - math.log(1 + a * t)


@pytest.mark.long
@pytest.mark.parametrize("a", [0.5, 1.0, 2.0])
def test_energy_discrepancy_is_its_closed_form(a: float) -> None:
    method = EnergyDiscrepancy(variance=0.5, draws=256, stabilizer=0.0)
    with torch.no_grad():
        loss = float(method.loss(ScaledSurface(problem(a)), Batch(data(20_000)), rng()))
    assert loss == pytest.approx(discrepancy(a, 0.5), abs=0.025)
    assert loss != pytest.approx(-discrepancy(a, 0.5), abs=0.1)
    assert loss != pytest.approx(discrepancy(a, 1.0), abs=0.1)


def test_the_closed_form_of_energy_discrepancy_is_least_at_the_truth() -> None:
    for t in (0.1, 0.25, 1.0, 5.0):
        values = [discrepancy(a, t) for a in (0.5, 0.9, 1.0, 1.1, 2.0)]
        assert min(values) == values[2]
