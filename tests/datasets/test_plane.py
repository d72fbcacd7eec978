"""Every dataset of the plane against the oracle table, against autograd, and its sampler against its density."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import pytest
import torch
from scipy.stats import chisquare
from torch import Generator, Tensor

from ebmbench.contracts.domain import Box
from ebmbench.datasets.plane import (
    EightGaussians,
    GaussianNodes,
    Moons,
    PinkSpiral,
    PlaneDataset,
    Rings,
    SmoothCheckerboard,
    legendre,
    normal,
    polar,
    uniform,
)

torch.set_num_threads(1)

LATTICE, COARSE = 300, 25
SAMPLED = 20_000
SMALL = 1e-3
"""A p-value beyond which a sampler and a density are said to differ."""

DATASETS: dict[str, PlaneDataset] = {
    "8gaussians": EightGaussians(),
    "moons": Moons(),
    "checkerboard_s": SmoothCheckerboard(),
    "rings": Rings(),
    "pink_spiral": PinkSpiral(),
}
ENTROPY = {"8gaussians": 2.8316, "moons": 2.3939, "checkerboard_s": 3.6393, "rings": 2.6232, "pink_spiral": 0.3284}
every = pytest.mark.parametrize("name", DATASETS)


def seeded(seed: int) -> Generator:
    return torch.Generator().manual_seed(seed)


def box(dataset: PlaneDataset) -> Box:
    domain = dataset.domain
    assert isinstance(domain, Box)
    return domain


def log_density(dataset: PlaneDataset) -> tuple[Tensor, Tensor]:
    """log p and log volume of the lattice."""
    support = box(dataset).support(LATTICE)
    return dataset.log_prob(support.points), support.log_weight


@cache
def truth(name: str) -> tuple[Tensor, Tensor]:
    return log_density(DATASETS[name])


# --- the checks, each of which a wrong twin fails ---------------------------------------------------------------------


def check_mass(log_p: Tensor, log_weight: Tensor) -> None:
    assert float((log_p + log_weight).exp().sum()) == pytest.approx(1, abs=1e-4)


def check_entropy(log_p: Tensor, log_weight: Tensor, expected: float) -> None:
    assert float(-((log_p + log_weight).exp() * log_p).sum()) == pytest.approx(expected, abs=1e-3)


def check_score(dataset: PlaneDataset, y: Tensor) -> None:
    y = y.clone().requires_grad_(True)
    (gradient,) = torch.autograd.grad(dataset.log_prob(y).sum(), y)
    torch.testing.assert_close(dataset.score(y.detach()), gradient, rtol=1e-5, atol=1e-5)


def p_value(points: Tensor, cell_mass: Tensor, half_width: float) -> float:
    """Of the chi-square statistic of counts in coarse cells; what falls outside and sparse cells are pooled."""
    n = len(points)
    place = torch.floor((points + half_width) * (COARSE / (2 * half_width))).long()
    inside = ((place >= 0) & (place < COARSE)).all(-1)
    counts = torch.bincount(place[inside, 0] * COARSE + place[inside, 1], minlength=COARSE**2).double()
    expected = n * cell_mass
    full = expected >= 10
    found = np.append(counts[full].numpy(), n - float(counts[full].sum()))
    due = np.append(expected[full].numpy(), n * (1 - float(cell_mass[full].sum())))
    if due[-1] < 10:  # the pool itself is too small: it joins the last cell
        found, due = np.append(found[:-2], found[-2:].sum()), np.append(due[:-2], due[-2:].sum())
    return float(chisquare(found, due).pvalue)


def check_sampler(points: Tensor, log_p: Tensor, log_weight: Tensor, half_width: float) -> None:
    """All rows, and each eighth of them in order: iid rows are the same law wherever one looks."""
    fine = (log_p + log_weight).exp().reshape(COARSE, LATTICE // COARSE, COARSE, LATTICE // COARSE)
    cell_mass = fine.sum((1, 3)).flatten()
    assert p_value(points, cell_mass, half_width) > SMALL
    for part in points.chunk(8):
        assert p_value(part, cell_mass, half_width) > SMALL


# --- the datasets pass ------------------------------------------------------------------------------------------------


@pytest.mark.long
@every
def test_total_mass_is_one(name: str) -> None:
    check_mass(*truth(name))


@pytest.mark.long
@every
def test_entropy_of_the_oracle_table(name: str) -> None:
    check_entropy(*truth(name), ENTROPY[name])


@every
@pytest.mark.parametrize("scale", [1, 2])
def test_score_is_the_gradient_of_log_prob(name: str, scale: int) -> None:
    """On the box, and far away on the doubled one."""
    dataset = DATASETS[name]
    half = scale * box(dataset).high[0]
    uniform_points = (2 * torch.rand(1500, 2, generator=seeded(1), dtype=torch.float64) - 1) * half
    check_score(dataset, torch.cat([uniform_points, dataset.sample(500, seeded(2)).y]))


@pytest.mark.long
@every
def test_sampler_agrees_with_the_density(name: str) -> None:
    dataset = DATASETS[name]
    check_sampler(dataset.sample(SAMPLED, seeded(3)).y, *truth(name), box(dataset).high[0])


@every
def test_samples_are_float64_rows_and_a_function_of_the_generator(name: str) -> None:
    first, again = (DATASETS[name].sample(50, seeded(4)).y for _ in range(2))
    assert first.shape == (50, 2)
    assert first.dtype == torch.float64
    assert torch.equal(first, again)
    assert not torch.equal(first, DATASETS[name].sample(50, seeded(5)).y)


def test_score_of_rings_vanishes_at_their_center() -> None:
    """By symmetry; the division by the distance must not spoil it."""
    assert torch.equal(Rings().score(torch.zeros(1, 2, dtype=torch.float64)), torch.zeros(1, 2, dtype=torch.float64))


def test_log_prob_of_a_gaussian_mixture_by_hand() -> None:
    """At a center: 1/8 of the peak of one normal, the others being 4 standard deviations or more away."""
    dataset = EightGaussians()
    y = torch.tensor([[2 * math.sqrt(2), 0.0]], dtype=torch.float64)
    peak = -math.log(8) - math.log(2 * math.pi * 0.125)
    gap = 2 * 2 * math.sqrt(2) * math.sin(math.pi / 8)
    assert float(dataset.log_prob(y)) == pytest.approx(peak + 2 * math.exp(-(gap**2) / 0.25), abs=1e-7)


# --- the quadrature of the curves is converged ------------------------------------------------------------------------


def panels(high: float, count: int) -> tuple[Tensor, Tensor]:
    """Eight panels of [0, high] with ``count`` Gauss-Legendre nodes each."""
    t, weight = legendre(0, high / 8, count)
    return torch.cat([t + k * high / 8 for k in range(8)]), weight.repeat(8)


class FineMoons(Moons):
    """The same arcs with eight times the nodes."""

    def nodes(self) -> tuple[Tensor, Tensor]:
        t, weight = panels(math.pi, len(super().nodes()[0]) // 2)
        return torch.cat(self._arcs(t)), torch.log(weight / (2 * math.pi)).repeat(2)


class FineSpiral(PinkSpiral):
    """The same spiral with eight times the nodes."""

    def nodes(self) -> tuple[Tensor, Tensor]:
        t, weight = panels(2 * math.pi, len(super().nodes()[0]))
        return self.curve(t), torch.log(weight * t / (2 * math.pi**2))


class CoarseMoons(Moons):
    """A wrong twin: the arcs with an eighth of the nodes."""

    def nodes(self) -> tuple[Tensor, Tensor]:
        t, weight = legendre(0, math.pi, len(super().nodes()[0]) // 16)
        return torch.cat(self._arcs(t)), torch.log(weight / (2 * math.pi)).repeat(2)


def check_nodes(dataset: GaussianNodes, fine: GaussianNodes) -> None:
    """log p where the data are: what every number of a leaderboard is made of."""
    y = dataset.sample(5000, seeded(6)).y
    torch.testing.assert_close(dataset.log_prob(y), fine.log_prob(y), rtol=0, atol=1e-8)


@pytest.mark.long
@pytest.mark.parametrize("sigma", [0.1, 0.2])
def test_nodes_of_moons_are_converged(sigma: float) -> None:
    check_nodes(Moons(sigma=sigma), FineMoons(sigma=sigma))


@pytest.mark.parametrize("sigma", [0.1])
def test_nodes_of_the_spiral_are_converged(sigma: float) -> None:
    check_nodes(PinkSpiral(sigma=sigma), FineSpiral(sigma=sigma))


def check_far_nodes(dataset: GaussianNodes, fine: GaussianNodes) -> None:
    """log p all over the box: outside a bend the noise sees fewer of the nodes."""
    points = box(dataset).support(40).points
    torch.testing.assert_close(dataset.log_prob(points), fine.log_prob(points), rtol=0, atol=1e-4)


def test_nodes_of_moons_are_converged_all_over_the_box() -> None:
    check_far_nodes(Moons(), FineMoons())


def test_nodes_of_the_spiral_are_converged_all_over_the_box() -> None:
    check_far_nodes(PinkSpiral(), FineSpiral())


def test_too_few_nodes_are_found_out() -> None:
    with pytest.raises(AssertionError):
        check_nodes(CoarseMoons(), FineMoons())


# --- wrong twins are rejected -----------------------------------------------------------------------------------------


class RingsWithoutJacobian(Rings):
    """Wrong: a normal density in the radius, which lacks 1 / (2 pi r)."""

    def log_prob(self, y: Tensor, x: Tensor | None = None) -> Tensor:
        gap = y.norm(dim=-1, keepdim=True) - torch.tensor(self.radii, dtype=y.dtype)
        each = -0.5 * (gap / self.sigma).square() - math.log(math.sqrt(2 * math.pi) * self.sigma)
        return torch.logsumexp(each, -1) - math.log(len(self.radii))


class RingsWithNaiveScore(Rings):
    """Wrong: the pull (r - d) / s^2, which lacks the ratio of Bessel functions."""

    def score(self, y: Tensor, x: Tensor | None = None) -> Tensor:
        distance, radii, log_each = self._circles(y)
        radial: Tensor = (torch.softmax(log_each, -1) * (radii - distance)).sum(-1, keepdim=True) / self.sigma**2
        return radial * y / distance


class MoonsOnALine(Moons):
    """Wrong: angles from linspace, in order, as scikit-learn lays them."""

    def draw(self, n: int, generator: Generator) -> Tensor:
        upper, lower = self._arcs(torch.linspace(0, math.pi, n // 2, dtype=torch.float64))
        return torch.cat([upper, lower]) + self.sigma * normal(n, generator)


class WideMoons(Moons):
    """Wrong: samples with 1.1 sigma."""

    def draw(self, n: int, generator: Generator) -> Tensor:
        return Moons(sigma=1.1 * self.sigma).draw(n, generator)


class HalfCheckerboard(SmoothCheckerboard):
    """Wrong: the normalizer of a board whose light squares are dark too."""

    def log_prob(self, y: Tensor, x: Tensor | None = None) -> Tensor:
        return super().log_prob(y) + math.log(32) - math.log(64)


class FullRings(Rings):
    """Wrong: radii drawn in proportion to themselves (uniform in arc length), not equally."""

    def draw(self, n: int, generator: Generator) -> Tensor:
        radii = torch.tensor(self.radii, dtype=torch.float64)
        radius = radii[torch.multinomial(radii, n, replacement=True, generator=generator)]
        return polar(radius, 2 * math.pi * uniform(n, generator)) + self.sigma * normal(n, generator)


def test_rings_without_jacobian_are_rejected() -> None:
    log_p, log_weight = log_density(RingsWithoutJacobian())
    with pytest.raises(AssertionError):
        check_mass(log_p, log_weight)
    log_p = log_p - torch.logsumexp(log_p + log_weight, 0)  # even when it is normalized by hand
    check_mass(log_p, log_weight)
    with pytest.raises(AssertionError):
        check_entropy(log_p, log_weight, ENTROPY["rings"])
    with pytest.raises(AssertionError):
        check_sampler(Rings().sample(SAMPLED, seeded(3)).y, log_p, log_weight, 5)


def test_naive_score_of_rings_is_rejected() -> None:
    with pytest.raises(AssertionError):
        check_score(RingsWithNaiveScore(), Rings().sample(500, seeded(2)).y)


@pytest.mark.parametrize("twin", [MoonsOnALine(), WideMoons()], ids=["linspace", "sigma"])
def test_wrong_samplers_of_moons_are_rejected(twin: Moons) -> None:
    with pytest.raises(AssertionError):
        check_sampler(twin.sample(SAMPLED, seeded(3)).y, *truth("moons"), 5)


def test_wrong_sampler_of_rings_is_rejected() -> None:
    with pytest.raises(AssertionError):
        check_sampler(FullRings().sample(SAMPLED, seeded(3)).y, *truth("rings"), 5)


def test_wrong_normalizer_of_the_checkerboard_is_rejected() -> None:
    log_p, log_weight = log_density(HalfCheckerboard())
    with pytest.raises(AssertionError):
        check_mass(log_p, log_weight)
    with pytest.raises(AssertionError):
        check_entropy(log_p, log_weight, ENTROPY["checkerboard_s"])


# --- modes ------------------------------------------------------------------------------------------------------------


def rows(*points: tuple[float, float]) -> Tensor:
    return torch.tensor(points, dtype=torch.float64)


def test_modes_of_eight_gaussians_are_the_nearest_centers() -> None:
    dataset = EightGaussians()
    centers, _ = dataset.nodes()
    assert dataset.assign_mode(centers).tolist() == list(range(8))
    outward = centers / (2 * math.sqrt(2))
    assert dataset.assign_mode(centers + 3.9 * dataset.sigma * outward).tolist() == list(range(8))
    assert dataset.assign_mode(centers + 4.1 * dataset.sigma * outward).tolist() == [-1] * 8


def test_modes_of_moons_are_the_arcs() -> None:
    assert Moons().modes == 2
    assert Moons().assign_mode(rows((-1, 1.8), (1, -1.2), (-3, -0.2), (3, 0.8), (4, 4))).tolist() == [0, 1, 0, 1, -1]


def test_modes_of_rings_are_the_circles() -> None:
    on_circles = [(radius * math.cos(1.0), radius * math.sin(1.0)) for radius in Rings().radii]
    assert Rings().assign_mode(rows(*on_circles, (0, 0), (3.4, 0))).tolist() == [0, 1, 2, 3, -1, -1]


def test_modes_of_the_checkerboard_are_its_dark_squares() -> None:
    """The board has a dark square where log p is near -log 32, and nothing counts in the middle of a light one."""
    dataset = SmoothCheckerboard()
    centers = rows(*((x, y) for x in (-3.0, -1.0, 1.0, 3.0) for y in (-3.0, -1.0, 1.0, 3.0)))
    dark = (dataset.log_prob(centers) + math.log(32)).abs() < 1e-6
    index = dataset.assign_mode(centers)
    assert int(dark.sum()) == dataset.modes == 8
    assert sorted(index[dark].tolist()) == list(range(8))
    assert (index[~dark] == -1).all()


@pytest.mark.parametrize("name", ["8gaussians", "moons", "checkerboard_s", "rings"])
def test_samples_fill_the_modes_equally(name: str) -> None:
    """Shares within 4 standard errors, but for the e^-8 of the samples that are beyond 4 sigma of every mode."""
    dataset = DATASETS[name]
    share = 1 / dataset.modes
    index = dataset.assign_mode(dataset.sample(SAMPLED, seeded(7)).y)
    found = torch.bincount(index[index >= 0], minlength=dataset.modes) / SAMPLED
    assert len(found) == dataset.modes
    assert float((found - share).abs().max()) < 4 * math.sqrt(share * (1 - share) / SAMPLED) + 1e-3
    assert int((index < 0).sum()) < 0.001 * SAMPLED
