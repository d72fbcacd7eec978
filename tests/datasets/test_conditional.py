"""Laws of y given x against scipy and closed forms, the sampler against the density at each x, and wrong twins."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.integrate import quad
from scipy.stats import chisquare, kstest, lognorm, norm
from torch import Generator, Tensor

from ebmbench.contracts.dataset import Dataset
from ebmbench.contracts.domain import Box
from ebmbench.datasets.conditional import (
    BranchesAt,
    ConditionalDataset,
    Gustafsson1,
    Gustafsson2,
    Horn,
    NormalBranches,
    TwoBranches,
)
from ebmbench.datasets.manifold import Curves, Points

torch.set_num_threads(1)

Array = NDArray[np.float64]

SMALL = 1e-3
"""A p-value beyond which a sampler and a density are said to differ."""
SAMPLED = 20_000
CONTEXTS, CELLS = 60, 2000
"""Of the quadrature on the line: midpoints of x, and cells of y for each."""

LINES: dict[str, ConditionalDataset] = {
    "gustafsson_1": Gustafsson1(),
    "gustafsson_2": Gustafsson2(),
    "two_branches": TwoBranches(),
    "two_unequal": TwoBranches(sigma=0.3, weight=0.2),
}
DATASETS: dict[str, ConditionalDataset] = {**LINES, "horn": Horn()}
every = pytest.mark.parametrize("name", DATASETS)
on_lines = pytest.mark.parametrize("name", LINES)


def seeded(seed: int) -> Generator:
    return torch.Generator().manual_seed(seed)


def box(dataset: Dataset) -> Box:
    domain = dataset.domain
    assert isinstance(domain, Box)
    return domain


def column(*places: float) -> Tensor:
    return torch.tensor(places, dtype=torch.float64)[:, None]


def on_lattice(dataset: ConditionalDataset, x: Tensor) -> tuple[Tensor, Tensor, float]:
    """y (CELLS,), log p (n, CELLS) there given each row of ``x`` (n, 1), and the width of a cell."""
    support = box(dataset).support(CELLS)
    log_p = dataset.log_prob(support.points.repeat(len(x), 1), x.repeat_interleave(CELLS, 0))
    return support.points[:, 0], log_p.reshape(len(x), CELLS), float(support.cell[0])


def midpoints(dataset: ConditionalDataset) -> Tensor:
    return dataset.context.support(CONTEXTS).points


# --- the checks, each of which a wrong twin fails ---------------------------------------------------------------------


def check_mass(log_p: Tensor, width: float) -> None:
    """At every x."""
    mass = log_p.exp().sum(-1) * width
    torch.testing.assert_close(mass, torch.ones_like(mass), rtol=0, atol=1e-8)


def mean_entropy(log_p: Tensor, width: float) -> float:
    """E_x of the entropies."""
    return float(-(torch.special.xlogy(log_p.exp(), log_p.exp()).sum(-1) * width).mean())


def normal_divergence(y: Tensor, log_p: Tensor, width: float) -> float:
    """E_x KL(p, the normal with the moments of y given x) = E_x [log(2 pi e var) / 2 - entropy]."""
    mass = log_p.exp() * width
    mean = mass @ y
    var = mass @ y.square() - mean.square()
    return float((torch.log(2 * math.pi * math.e * var) / 2).mean()) - mean_entropy(log_p, width)


def check_score(dataset: Dataset, y: Tensor, x: Tensor | None = None) -> None:
    y = y.clone().requires_grad_(True)
    (gradient,) = torch.autograd.grad(dataset.log_prob(y, x).sum(), y)
    torch.testing.assert_close(dataset.score(y.detach(), x), gradient, rtol=1e-5, atol=1e-5)


def check_uniform(place: Array) -> None:
    """Fifty equal cells of [0, 1] hold equally many."""
    assert float(chisquare(np.histogram(place, 50, (0, 1))[0]).pvalue) > SMALL


def check_sampler(dataset: ConditionalDataset, sampler: ConditionalDataset, x: float) -> None:
    """The distribution function is uniform at rows that are drawn at one x among others that have another."""
    others = sampler.sample_context(SAMPLED, seeded(1))[:, 0]
    mixed = torch.stack([torch.full_like(others, x), others])
    drawn = sampler.sample_given(mixed.T.reshape(-1, 1), seeded(2))[::2, 0]
    y, log_p, width = on_lattice(dataset, column(x))
    check_uniform(np.interp(drawn.numpy(), y.numpy() + width / 2, np.cumsum(log_p[0].exp().numpy() * width)))


# --- independent implementations --------------------------------------------------------------------------------------


def gustafsson_1(y: Array, x: Array) -> Array:
    """As the authors write it, for scipy."""
    left = 0.8 * norm.pdf(y, np.sin(x), 0.075) + 0.2 * norm.pdf(y, -np.sin(x), 0.075)
    return np.asarray(np.where(x < 0, left, lognorm.pdf(y + 1.0, 0.25)))


def gustafsson_2(y: Array, x: Array) -> Array:
    return np.asarray(norm.pdf(y, np.sin(x), 0.15 / (1 + np.exp(-x))))


def two_branches(y: Array, x: Array) -> Array:
    f = 1 + np.sin(2 * x) / 2
    return np.asarray(0.5 * norm.pdf(y, f, 0.1) + 0.5 * norm.pdf(y, -f, 0.1))


def two_unequal(y: Array, x: Array) -> Array:
    f = 1 + np.sin(2 * x) / 2
    return np.asarray(0.2 * norm.pdf(y, f, 0.3) + 0.8 * norm.pdf(y, -f, 0.3))


def check_against_scipy(dataset: ConditionalDataset, name: str) -> None:
    """Where data of any x are, and all over the domain."""
    batch = dataset.sample(2000, seeded(3))
    assert batch.x is not None
    far = box(dataset).support(2000).points
    for y, x in ((batch.y, batch.x), (batch.y.flip(0), batch.x), (far, batch.x)):
        expected = globals()[name](y.numpy(), x.numpy())[:, 0]
        np.testing.assert_allclose(dataset.log_prob(y, x).exp(), expected, rtol=1e-9, atol=1e-300)


# --- the datasets pass ------------------------------------------------------------------------------------------------


@on_lines
def test_the_density_is_scipys(name: str) -> None:
    check_against_scipy(LINES[name], name)


@on_lines
def test_the_mass_is_one_at_every_x(name: str) -> None:
    _, log_p, width = on_lattice(LINES[name], midpoints(LINES[name]))
    check_mass(log_p, width)


@pytest.mark.parametrize(
    ("name", "entropy", "divergence"), [("gustafsson_1", -0.3266, 0.699), ("gustafsson_2", -1.4870, 0.0)]
)
def test_the_published_regressions_read_what_was_computed_elsewhere(
    name: str, entropy: float, divergence: float
) -> None:
    """These are means over 500 places from -3 to 3, both ends among them, which weigh too much: by 1e-3."""
    y, log_p, width = on_lattice(LINES[name], torch.linspace(-3, 3, 500, dtype=torch.float64)[:, None])
    assert mean_entropy(log_p, width) == pytest.approx(entropy, abs=5e-5)
    assert normal_divergence(y, log_p, width) == pytest.approx(divergence, abs=5e-4)


def test_the_second_regression_has_the_mean_entropy_of_its_closed_form() -> None:
    _, log_p, width = on_lattice(Gustafsson2(), midpoints(Gustafsson2()))
    log_sigma, _ = quad(lambda x: math.log(0.15 / (1 + math.exp(-x))) / 6, -3, 3)
    assert mean_entropy(log_p, width) == pytest.approx(log_sigma + math.log(2 * math.pi * math.e) / 2, abs=1e-4)


@pytest.mark.parametrize(
    ("x", "entropy", "var"),
    [
        (-math.pi / 2, math.log(0.075) - 0.8 * math.log(0.8) - 0.2 * math.log(0.2), 0.075**2 + 0.64),
        (1.0, math.log(0.25), math.expm1(0.0625) * math.exp(0.0625)),
    ],
    ids=["two normals that are apart", "a log-normal"],
)
def test_the_first_regression_has_entropy_and_variance_of_its_closed_forms(
    x: float, entropy: float, var: float
) -> None:
    y, log_p, width = on_lattice(Gustafsson1(), column(x))
    entropy += math.log(2 * math.pi * math.e) / 2
    assert mean_entropy(log_p, width) == pytest.approx(entropy, abs=1e-6)
    expected = math.log(2 * math.pi * math.e * var) / 2 - entropy
    assert normal_divergence(y, log_p, width) == pytest.approx(expected, abs=1e-6)


def test_branches_that_are_apart_have_the_entropy_of_one_and_of_the_coin() -> None:
    _, log_p, width = on_lattice(TwoBranches(), midpoints(TwoBranches()))
    expected = math.log(2 * math.pi * math.e * 0.01) / 2 + math.log(2)
    assert mean_entropy(log_p, width) == pytest.approx(expected, abs=1e-4)


@every
def test_the_score_is_the_gradient_of_log_prob(name: str) -> None:
    """Where data are, and on the box twice as wide."""
    dataset = DATASETS[name]
    batch = dataset.sample(300, seeded(4))
    assert batch.x is not None
    outer = box(dataset).scaled(2)
    wide = torch.tensor(outer.high) * (2 * torch.rand(300, outer.dim, generator=seeded(5), dtype=torch.float64) - 1)
    check_score(dataset, torch.cat([batch.y, wide]), batch.x.repeat(2, 1))


@on_lines
@pytest.mark.parametrize("x", [-2.0, -0.2, 1.3])
def test_the_sampler_agrees_with_the_density(name: str, x: float) -> None:
    check_sampler(LINES[name], LINES[name], x)


@every
def test_draws_are_of_the_generator_alone_and_x_is_uniform(name: str) -> None:
    dataset = DATASETS[name]
    first, again = (dataset.sample(5000, seeded(6)) for _ in range(2))
    assert first.x is not None
    assert again.x is not None
    assert torch.equal(first.y, again.y)
    assert torch.equal(first.x, again.x)
    assert not torch.equal(first.y, dataset.sample(5000, seeded(7)).y)
    assert (first.y.shape, first.x.shape) == ((5000, dataset.domain.dim), (5000, 1))
    assert first.y.dtype == first.x.dtype == torch.float64
    low, high = dataset.interval
    assert kstest((first.x[:, 0].numpy() - low) / (high - low), "uniform").pvalue > SMALL


@pytest.mark.parametrize(
    ("name", "x", "tail"),
    [
        ("gustafsson_1", 0.5, lambda low, high: lognorm.sf(high + 1, 0.25)),
        ("gustafsson_2", 1.7, lambda low, high: norm.sf(high, math.sin(1.7), 0.15 / (1 + math.exp(-1.7)))),
        ("two_branches", math.pi / 4, lambda low, high: norm.sf(high, 1.5, 0.1)),
        ("horn", 1.0, lambda low, high: norm.sf(high, 1.5 * math.exp(2), 0.05)),
    ],
)
def test_the_domain_holds_all_of_y(name: str, x: float, tail: object) -> None:
    """Beyond its end lies less than 1e-9, at the x that comes nearest to it."""
    assert callable(tail)
    assert tail(box(DATASETS[name]).low[0], box(DATASETS[name]).high[0]) < 1e-9


@every
def test_without_a_context_there_is_no_density(name: str) -> None:
    dataset = DATASETS[name]
    y = torch.zeros(3, dataset.domain.dim, dtype=torch.float64)
    for ask in (dataset.log_prob, dataset.score):
        with pytest.raises(ValueError, match="expected contexts x"):
            ask(y)


@every
def test_they_are_judged_as_conditional_data(name: str) -> None:
    assert DATASETS[name].track == "conditional"


# --- the horn ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("growth", [0.0, 0.3, 0.5, 2.0])
def test_the_domain_of_a_horn_that_hardly_grows_holds_its_ellipses_too(growth: float) -> None:
    """At 0 the first axis shrinks, at 0.3 it is longest in between: (2 - x / 2) e^(g x) at x = 4 - 1 / g."""
    dataset = Horn(growth=growth)
    x = dataset.context.support(1001).points
    left = torch.tensor(box(dataset).high) - dataset.radii(x)
    assert float(left.min()) == pytest.approx(7 * 0.05, abs=1e-2)
    assert float(left.min()) > 6.5 * 0.05


def horn_rows(n: int) -> tuple[Tensor, Tensor]:
    batch = Horn().sample(n, seeded(8))
    assert batch.x is not None
    return batch.y, batch.x


class FineHorn(Horn):
    """Twice the nodes."""

    @property
    def node_count(self) -> int:
        return 2 * super().node_count


class CoarseHorn(Horn):
    """A wrong twin: half of the nodes."""

    @property
    def node_count(self) -> int:
        return super().node_count // 2


def check_nodes(dataset: Horn) -> None:
    """Where data are, most of all on the largest ellipse, and all over the box."""
    y, x = horn_rows(500)
    widest = torch.ones_like(x)
    rows = [(y, x), (dataset.sample_given(widest, seeded(9)), widest), (box(dataset).support(22).points[:484], x[:484])]
    for place, context in rows:
        torch.testing.assert_close(
            dataset.log_prob(place, context), FineHorn().log_prob(place, context), rtol=0, atol=1e-10
        )
        torch.testing.assert_close(
            dataset.score(place, context), FineHorn().score(place, context), rtol=1e-9, atol=1e-6
        )


def test_the_nodes_of_the_horn_are_converged() -> None:
    check_nodes(Horn())


def test_too_few_nodes_are_found_out() -> None:
    with pytest.raises(AssertionError):
        check_nodes(CoarseHorn())


def polar_average(y: Tensor, x: float, n: int = 200_000) -> float:
    """log of the mean over angles of the normal density, written out for one point."""
    t = 2 * np.pi * (np.arange(n) + 0.37) / n
    grown = math.exp(2 * x)
    first, second = (1.5 * x + 2 * (1 - x)) * grown, (2 * x + 1.5 * (1 - x)) * grown
    a, b = y.tolist()
    log_each = norm.logpdf(a, first * np.cos(t), 0.05) + norm.logpdf(b, second * np.sin(t), 0.05)
    return float(np.logaddexp.reduce(log_each) - math.log(n))


def test_the_density_of_the_horn_is_the_average_over_its_angle() -> None:
    y, x = horn_rows(6)
    expected = [polar_average(place, float(context)) for place, context in zip(y, x[:, 0], strict=True)]
    np.testing.assert_allclose(Horn().log_prob(y, x).numpy(), expected, atol=1e-9)


def horn_mass(dataset: Horn, x: float) -> float:
    """The integral of the density over a tube about the ellipse: in polar coordinates of the circle it is bent from."""
    radii = Horn().radii(column(x))[0]
    t = torch.arange(200, dtype=torch.float64) * (2 * math.pi / 200)
    r = 1 + (torch.arange(100, dtype=torch.float64) - 49.5) * 0.01 / float(radii.min())
    circle = torch.cartesian_prod(r, t)
    y = radii * circle[:, :1] * torch.stack([circle[:, 1].cos(), circle[:, 1].sin()], -1)
    weight = float(radii.prod()) * circle[:, 0] * float(r[1] - r[0]) * (2 * math.pi / 200)
    return float((dataset.log_prob(y, column(x).expand(len(y), 1)).exp() * weight).sum())


@pytest.mark.parametrize("x", [0.0, 0.4])
def test_the_mass_of_the_horn_is_one(x: float) -> None:
    """dy = r1 r2 r dr dt for y = (r1 r cos t, r2 r sin t)."""
    assert horn_mass(Horn(), x) == pytest.approx(1, abs=1e-6)


def horn_entropy(x: float) -> float:
    """-E log p by quadrature: angles, and Gauss-Hermite nodes of both coordinates of the noise."""
    place, weight = np.polynomial.hermite_e.hermegauss(12)
    noise = torch.cartesian_prod(torch.from_numpy(place), torch.from_numpy(place)).repeat(40, 1)
    mass = torch.from_numpy(np.outer(weight, weight).ravel() / (2 * math.pi)).repeat(40) / 40
    t = ((torch.arange(40, dtype=torch.float64) + 0.5) * (math.pi / 80)).repeat_interleave(144)
    y = Horn().radii(column(x)) * torch.stack([t.cos(), t.sin()], -1) + 0.05 * noise
    return float(-(mass * Horn().log_prob(y, column(x).expand(len(y), 1))).sum())


@pytest.mark.parametrize(("x", "bent"), [(0.0, 1.5e-3), (0.5, 2e-4), (1.0, 2e-5)])
def test_the_entropy_of_the_horn_is_that_of_a_tube(x: float, bent: float) -> None:
    """E log(2 pi |dc/dt|) + log(2 pi e s^2) / 2, where E log |dc/dt| = log((r1 + r2) / 2): but for the bend, O(s^2)."""
    tube = math.log(2 * math.pi * (3.5 * math.exp(2 * x)) / 2) + math.log(2 * math.pi * math.e * 0.05**2) / 2
    assert horn_entropy(x) == pytest.approx(tube, abs=bent)


def horn_angles(sampler: Horn, x: float) -> Array:
    """The angle on the circle that the ellipse is bent from, in turns, of draws at x."""
    context = column(x).expand(SAMPLED, 1)
    y = sampler.sample_given(context, seeded(10)) / Horn().radii(context)
    return np.asarray(torch.atan2(y[:, 1], y[:, 0]).numpy() / (2 * math.pi) + 0.5)


@pytest.mark.parametrize("x", [0.1, 0.9])
def test_the_sampler_of_the_horn_agrees_with_its_density(x: float) -> None:
    """Angles are uniform, and the mean of log p is that of the quadrature."""
    check_uniform(horn_angles(Horn(), x))
    law = Horn().at(column(x)[0])
    found = -law.log_prob(law.sample(4000, seeded(11)).y)
    assert float(found.mean()) == pytest.approx(horn_entropy(x), abs=4 * float(found.std()) / math.sqrt(4000))


# --- wrong twins are rejected -----------------------------------------------------------------------------------------


class Swapped(Gustafsson1):
    """Wrong: the likelier branch is the other one."""

    def branches(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        mean, sigma, weight = super().branches(x)
        return mean, sigma, weight.flip(-1)


class WithoutJacobian(Gustafsson1):
    """Wrong: log(y + 1) is normal, and the density lacks 1 / (y + 1)."""

    def log_prob(self, y: Tensor, x: Tensor | None = None) -> Tensor:
        assert x is not None
        return super().log_prob(y, x) + torch.where(x < 0, 0.0, self._shifted(y)[0].log())[:, 0]


class Variance(Gustafsson2):
    """Wrong: the standard deviation is taken for the variance."""

    def branches(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        mean, sigma, weight = super().branches(x)
        return mean, sigma.sqrt(), weight


class OneContext(TwoBranches):
    """Wrong: all rows have the x of the first."""

    def branches(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        return super().branches(x[:1].expand_as(x))


class Shuffled(TwoBranches):
    """Wrong: y is drawn given another row's x."""

    def sample_given(self, x: Tensor, generator: Generator) -> Tensor:
        return super().sample_given(x.roll(1, 0), generator)


class Sharp(TwoBranches):
    """Wrong: the score of the nearer branch alone, as if the other were not there."""

    def score(self, y: Tensor, x: Tensor | None = None) -> Tensor:
        assert x is not None
        mean, sigma, _ = self.branches(x)
        nearest = (mean - y).abs().argmin(-1, keepdim=True)
        return (mean.gather(1, nearest) - y) / sigma.gather(1, nearest) ** 2


class HornByLength(Horn):
    """Wrong: uniform along the ellipse, not in its angle."""

    def sample_given(self, x: Tensor, generator: Generator) -> Tensor:
        t = torch.linspace(0, 2 * math.pi, 2000, dtype=torch.float64)
        radii = self.radii(x[:1])[0]
        speed = (radii * torch.stack([-t.sin(), t.cos()], -1)).norm(dim=-1)
        chosen = t[torch.multinomial(speed, len(x), replacement=True, generator=generator)]
        return self.radii(x) * torch.stack([chosen.cos(), chosen.sin()], -1)


def test_swapped_weights_are_rejected() -> None:
    with pytest.raises(AssertionError):
        check_against_scipy(Swapped(), "gustafsson_1")
    with pytest.raises(AssertionError):
        check_sampler(Gustafsson1(), Swapped(), -2.0)


def test_a_log_normal_without_its_jacobian_is_rejected() -> None:
    _, log_p, width = on_lattice(WithoutJacobian(), column(1.3))
    with pytest.raises(AssertionError):
        check_mass(log_p, width)
    with pytest.raises(AssertionError):
        check_against_scipy(WithoutJacobian(), "gustafsson_1")
    with pytest.raises(AssertionError):
        check_sampler(WithoutJacobian(), Gustafsson1(), 1.3)


def test_a_variance_that_is_a_deviation_is_rejected() -> None:
    with pytest.raises(AssertionError):
        check_against_scipy(Variance(), "gustafsson_2")
    with pytest.raises(AssertionError):
        check_sampler(Gustafsson2(), Variance(), 1.3)


def test_one_context_for_all_rows_is_rejected() -> None:
    with pytest.raises(AssertionError):
        check_against_scipy(OneContext(), "two_branches")
    with pytest.raises(AssertionError):
        check_sampler(TwoBranches(), Shuffled(), 1.3)


def test_the_score_of_the_nearest_branch_is_rejected() -> None:
    y, x = torch.linspace(-1, 1, 50, dtype=torch.float64)[:, None], torch.full((50, 1), -0.8, dtype=torch.float64)
    check_score(TwoBranches(sigma=0.3), y, x)
    with pytest.raises(AssertionError):
        check_score(Sharp(sigma=0.3), y, x)


def test_a_horn_that_is_uniform_along_its_curve_is_rejected() -> None:
    with pytest.raises(AssertionError):
        check_uniform(horn_angles(HornByLength(), 0.1))


# --- one context ------------------------------------------------------------------------------------------------------


@every
def test_at_a_context_the_law_is_that_of_its_rows(name: str) -> None:
    dataset = DATASETS[name]
    batch = dataset.sample(5, seeded(12))
    assert batch.x is not None
    for k in range(5):
        law = dataset.at(batch.x[k])
        assert law.context is None
        assert law.track == "plane"
        assert law.domain == dataset.domain
        assert torch.allclose(law.log_prob(batch.y)[k], dataset.log_prob(batch.y, batch.x)[k], rtol=0, atol=1e-10)
        assert torch.allclose(law.score(batch.y)[k], dataset.score(batch.y, batch.x)[k], atol=1e-6)
        drawn, same = law.sample(9, seeded(13)), dataset.sample_given(batch.x[k].expand(9, 1), seeded(13))
        assert drawn.x is None
        assert torch.equal(drawn.y, same)


def test_the_branches_at_a_context_are_its_modes_and_its_manifold() -> None:
    dataset = TwoBranches(weight=0.2)
    law, f = dataset.at(column(0.6)[0]), 1 + math.sin(1.2) / 2
    assert law.modes == 2
    assert law.assign_mode(column(f + 0.39, -f - 0.39, f + 0.41, 0.0)).tolist() == [0, 1, -1, -1]
    manifold = law.manifold
    assert isinstance(manifold, Points)
    assert manifold.width == 0.1
    assert torch.allclose(manifold.closest(column(0.1, -0.1)), column(f, -f))
    points, normal = manifold.draw(4000, seeded(14))
    assert float((points > 0).double().mean()) == pytest.approx(0.2, abs=0.03)
    assert sorted(set(normal[:, 0].tolist())) == [-1, 1]
    share = torch.bincount(law.assign_mode(law.sample(4000, seeded(15)).y) + 1, minlength=3) / 4000
    assert float(share[1]) == pytest.approx(0.2, abs=0.03)


@pytest.mark.parametrize(
    ("dataset", "x", "modes"),
    [
        (TwoBranches(sigma=0.12), -math.pi / 4, 2),  # f is 1/2 there: 8.3 deviations
        (TwoBranches(sigma=0.13), -math.pi / 4, 1),  # 7.7
        (Gustafsson1(), -0.31, 2),
        (Gustafsson1(), -0.29, 1),
        (Gustafsson1(), 0.29, 1),
        (Gustafsson2(), 1.0, 1),
        (Horn(), 0.5, 1),
    ],
)
def test_branches_that_run_into_each_other_are_one_mode(dataset: Dataset, x: float, modes: int) -> None:
    law = dataset.at(column(x)[0])
    assert law.modes == modes
    if isinstance(law, BranchesAt):
        found = law.assign_mode(law.sample(1000, seeded(16)).y)
        assert set(found.tolist()) - {-1} == set(range(modes))
        assert int((found < 0).sum()) <= 3


def test_a_log_normal_scatters_about_no_point() -> None:
    assert Gustafsson1().at(column(1.0)[0]).manifold is None
    assert Gustafsson1().at(column(-1.0)[0]).manifold is not None


def test_the_manifold_of_the_horn_is_its_ellipse() -> None:
    law = Horn().at(column(0.3)[0])
    first, second = (0.45 + 1.4) * math.exp(0.6), (0.6 + 1.05) * math.exp(0.6)
    manifold = law.manifold
    assert isinstance(manifold, Curves)
    points, _ = manifold.draw(500, seeded(17))
    assert torch.allclose((points / torch.tensor([first, second])).norm(dim=-1), torch.ones(500).double(), atol=1e-6)
    ends = torch.tensor([[first, 0.0], [0.0, -second]], dtype=torch.float64)
    assert torch.allclose(manifold.closest(3 * ends), ends, atol=1e-3)
    off = law.sample(4000, seeded(18)).y
    assert float((off - manifold.closest(off)).square().sum(-1).mean()) / 0.05**2 == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize(
    "dataset",
    [TwoBranches(weight=0.3), Horn(), Horn(growth=0.5)],
    ids=["two branches", "horn", "a horn that grows less"],
)
def test_noise_is_added_in_squares(dataset: Dataset) -> None:
    """Against a mean of normal densities about samples."""
    x, sigma = column(0.4)[0], 0.3
    law = dataset.at(x)
    blurred = law.smoothed(sigma)
    assert blurred is not None
    y, about = law.sample(10, seeded(19)).y, law.sample(40_000, seeded(20)).y
    kernel = torch.exp(-0.5 * (torch.cdist(y, about) / sigma).square()) / (sigma * math.sqrt(2 * math.pi)) ** y.shape[1]
    off = (blurred.log_prob(y).exp() - kernel.mean(1)).abs() / (kernel.std(1) / 200)
    assert float(off.max()) < 5


def test_a_noise_that_depends_on_x_has_no_smoothed_law() -> None:
    assert Gustafsson2().smoothed(0.1) is None
    assert Gustafsson1().at(column(-1.0)[0]).smoothed(0.1) is None


def test_what_is_common_to_them_is_left_to_each() -> None:
    with pytest.raises(NotImplementedError):
        NormalBranches().branches(column(0.0))
