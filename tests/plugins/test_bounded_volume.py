"""A1 against closed forms and scikit-learn."""

from __future__ import annotations

import math
import warnings
from itertools import pairwise

import numpy as np
import pytest
import torch
from sklearn.cluster import KMeans as SklearnKMeans
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture
from sklearn.preprocessing import scale
from torch import Generator, Tensor

from ebmbench.contracts.dataset import Batch
from ebmbench.contracts.domain import Box, square
from ebmbench.contracts.method import Method
from ebmbench.contracts.surface import Surface
from ebmbench.datasets.plane import EightGaussians, Moons, PinkSpiral
from ebmbench.metrics.manifold import DISTANCES, power_law
from ebmbench.parts.latent import free_energy
from ebmbench_plugins.a1_bounded_volume.gmm import GMM, Mixture
from ebmbench_plugins.a1_bounded_volume.kmeans import FreePrototypes, KMeans, Prototypes
from ebmbench_plugins.a1_bounded_volume.kmeans_sgd import CountedPrototypes, KMeansSGD
from tests.factories import make_problem

PROBLEM = make_problem(square(6))


def fit(method: Method, y: Tensor, sweeps: int = 200) -> Surface:
    surface = method.build(PROBLEM)
    rng = Generator().manual_seed(0)
    for _ in range(sweeps):
        method.step(surface, Batch(y), rng)
        if method.finished(surface):
            return surface
    raise AssertionError("did not finish")


def test_a_sweep_is_scikit_learns() -> None:
    """Weights, means, precisions and the bound, from the same start; with a wrong floor they differ."""
    y = points(5000)
    rng, method = Generator().manual_seed(0), GMM(components=12, regularization=0.01)
    surface = method.build(PROBLEM)
    assert isinstance(surface, Mixture)
    method.step(surface, Batch(y), rng)
    start = {
        "weights_init": surface.log_weights.exp().numpy(),
        "means_init": surface.means.numpy().copy(),
        "precisions_init": (surface.precisions @ surface.precisions.mT).numpy(),
    }
    method.step(surface, Batch(y), rng)
    rows = y.double().numpy()
    for floor, same in ((0.01 * rows.var(0).mean(), True), (0.0, False)):
        theirs = GaussianMixture(12, reg_covar=floor, max_iter=1, **start)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            theirs.fit(rows)
        np.testing.assert_allclose(surface.log_weights.exp(), theirs.weights_, rtol=1e-9)
        np.testing.assert_allclose(surface.means, theirs.means_, atol=1e-9)
        assert np.allclose(surface.precisions, theirs.precisions_cholesky_, rtol=1e-6) is same
        assert float(surface.bound) == pytest.approx(theirs.lower_bound_, abs=1e-9)


def points(n: int = 3000) -> Tensor:
    return EightGaussians().sample(n, Generator().manual_seed(5)).y.float()


def test_one_prototype_is_the_mean_and_the_energy_is_the_squared_distance() -> None:
    y = points()
    surface = fit(KMeans(clusters=1), y)
    assert isinstance(surface, Prototypes)
    torch.testing.assert_close(surface.prototypes[0], y.mean(0), atol=1e-4, rtol=0)
    probe = torch.tensor([[3.0, -1.0]])
    assert float(surface(probe)) == pytest.approx(float((probe - y.mean(0)).square().sum()), rel=1e-4)


def test_lloyd_reaches_the_fixed_point_that_scikit_learn_reaches() -> None:
    y = points()
    surface = fit(KMeans(clusters=8, tolerance=1e-7), y)
    assert isinstance(surface, Prototypes)
    again = SklearnKMeans(8, init=surface.prototypes.double().numpy(), n_init=1, max_iter=100).fit(y.double().numpy())
    assert float(surface(y).mean()) == pytest.approx(again.inertia_ / len(y), rel=1e-4)
    torch.testing.assert_close(surface.infer(y), torch.from_numpy(again.labels_).long())


def test_a_sweep_never_raises_the_energy() -> None:
    method, y, rng = KMeans(clusters=16), points(), Generator().manual_seed(0)
    surface = method.build(PROBLEM)
    assert isinstance(surface, Prototypes)
    energies = []
    for _ in range(10):
        method.step(surface, Batch(y), rng)
        energies.append(float(surface(y).mean()))
    assert all(b <= a * (1 + 1e-5) for a, b in pairwise(energies))


def test_the_free_energy_of_wells_has_the_same_volume_whatever_the_prototypes() -> None:
    """Z = (pi / beta)^(d/2) with the 1/|Z| convention: the sense in which the volume is bounded."""
    support, beta = square(9).support(500), 3.0
    for seed in (0, 1):
        surface = Prototypes(7, 2)
        surface.prototypes.copy_(3 * torch.rand(7, 2, generator=Generator().manual_seed(seed)))
        energies = surface.double().energies(support.points)
        z = (support.log_weight.exp() * torch.exp(-beta * free_energy(energies, beta))).sum()
        assert float(z) == pytest.approx(math.pi / beta, rel=1e-6)
        without_mean = torch.exp(beta * 0 - beta * (free_energy(energies, beta) - math.log(7) / beta))
        assert float((support.log_weight.exp() * without_mean).sum()) != pytest.approx(math.pi / beta, rel=0.1)


def test_the_free_energy_of_fitted_prototypes_lies_above_the_nearest_and_has_the_volume_of_its_beta() -> None:
    """1/beta is the mean energy of the data (d = 2); the integral of exp(-beta F) is pi/beta, of the minimum more."""
    y = points(2000)
    nearest, free = (fit(KMeans(clusters=8, free=free), y) for free in (False, True))
    assert isinstance(free, FreePrototypes)
    beta = 1 / float(nearest(y).mean())
    assert float(free.beta) == pytest.approx(beta, rel=1e-3), "the last sweep's own"
    assert bool((free(y) >= nearest(y) - 1e-5).all())
    support = square(16).support(800)
    volumes = [float((support.log_weight - beta * f(support.points.float())).exp().sum()) for f in (free, nearest)]
    assert volumes[0] == pytest.approx(math.pi / beta, rel=2e-3)
    assert volumes[1] > 2 * volumes[0], "the wrong twin"
    assert bool(torch.isfinite(KMeans(clusters=8, free=True).build(PROBLEM)(y)).all())


def test_one_gaussian_is_the_sample_mean_and_covariance() -> None:
    y = points()
    surface = fit(GMM(components=1, regularization=0.0), y)
    assert isinstance(surface, Mixture)
    cov = torch.linalg.inv(surface.precisions[0] @ surface.precisions[0].T)
    expected = torch.from_numpy(np.cov(y.double().numpy().T, bias=True))
    torch.testing.assert_close(surface.means[0], y.double().mean(0), atol=1e-6, rtol=0)
    torch.testing.assert_close(cov, expected, atol=1e-6, rtol=0)


def test_the_energy_is_scikit_learns_negative_log_likelihood() -> None:
    y = points().double().numpy()
    fitted = GaussianMixture(8, random_state=0).fit(y)
    surface = Mixture(8, 2)
    surface.log_weights.copy_(torch.from_numpy(fitted.weights_).log())
    surface.means.copy_(torch.from_numpy(fitted.means_))
    surface.precisions.copy_(torch.from_numpy(fitted.precisions_cholesky_))
    np.testing.assert_allclose(surface(torch.from_numpy(y)).numpy(), -fitted.score_samples(y), atol=1e-6)
    transposed = Mixture(8, 2)
    transposed.load_state_dict({**surface.state_dict(), "precisions": surface.precisions.mT})
    assert not np.allclose(transposed(torch.from_numpy(y)).numpy(), -fitted.score_samples(y), atol=1e-3)


def test_sweeps_of_em_one_at_a_time_climb_like_scikit_learns() -> None:
    y = Moons().sample(2000, Generator().manual_seed(1)).y.float()
    surface = fit(GMM(components=6, tolerance=1e-5), y, 400)
    assert isinstance(surface, Mixture)
    start = {
        "weights_init": surface.log_weights.exp().numpy(),
        "means_init": surface.means.numpy(),
        "precisions_init": (surface.precisions @ surface.precisions.mT).numpy(),
    }
    again = GaussianMixture(6, reg_covar=1e-4 * float(y.double().var(0, correction=0).mean()), tol=1e-5, **start)
    again.fit(y.double().numpy())
    assert float(surface(y).mean()) == pytest.approx(-again.score(y.double().numpy()), abs=2e-3)


def test_a_mixture_integrates_to_one_and_samples_what_it_says() -> None:
    surface = fit(GMM(components=8), points())
    support = square(8).support(300)
    mass = support.log_weight.exp() * torch.exp(-surface(support.points))
    assert float(mass.sum()) == pytest.approx(1, abs=1e-3)
    drawn = surface.sample(100_000, Generator().manual_seed(2))
    mean = (mass[:, None] * support.points).sum(0)
    torch.testing.assert_close(drawn.mean(0), mean, atol=0.03, rtol=0)
    second = (mass[:, None, None] * support.points[:, :, None] * support.points[:, None]).sum(0)
    torch.testing.assert_close(drawn.T @ drawn / len(drawn), second, atol=0.06, rtol=0)


def test_the_published_inertia_on_digits_is_reached() -> None:
    """scale(digits), K = 10: 69432 in scikit-learn's documentation; a random start without sweeps is far above."""
    y = torch.from_numpy(scale(load_digits().data))
    method = KMeans(clusters=10, tolerance=1e-5)
    problem = make_problem(Box((-50.0,) * 64, (50.0,) * 64))
    inertias = []
    for seed in range(4):
        surface, rng = method.build(problem), Generator().manual_seed(seed)
        assert isinstance(surface, Prototypes)
        while not method.finished(surface):
            method.step(surface, Batch(y), rng)
        inertias.append(float(surface(y.float()).sum()))
    assert min(inertias) == pytest.approx(69432, rel=0.01)
    first_rows = Prototypes(10, 64)
    first_rows.prototypes.copy_(y[:10])
    assert float(first_rows(y.float()).sum()) > 1.2 * 69432


ZADOR = 2.384e-3
"""l^2 / (12 K^2) for K = 20 points on the spiral of length l = 3.3830 R, in units of R^2."""


def uniform_spiral(n: int) -> Tensor:
    """Points of the bare spiral, uniform in its length: from a fine table of it."""
    curve = PinkSpiral(sigma=0.0).curve(torch.linspace(0, 2 * math.pi, 200_001, dtype=torch.float64))
    length = torch.cat([torch.zeros(1, dtype=torch.float64), (curve[1:] - curve[:-1]).norm(dim=-1).cumsum(0)])
    assert float(length[-1]) == pytest.approx(2 * 3.3830, rel=1e-4)
    at = length[-1] * (torch.arange(n, dtype=torch.float64) + 0.5) / n
    return curve[torch.searchsorted(length, at)].float()


def test_twenty_prototypes_on_the_bare_spiral_reach_zadors_energy() -> None:
    y = uniform_spiral(4000)
    surface = fit(KMeans(clusters=20, tolerance=1e-6), y, 600)
    assert float(surface(y).mean()) == pytest.approx(4 * ZADOR, rel=0.05)
    ten = fit(KMeans(clusters=10, tolerance=1e-6), y, 600)
    assert float(ten(y).mean()) == pytest.approx(16 * ZADOR, rel=0.1)


def test_one_prototype_by_gradients_is_the_running_mean_and_a_least_rate_forgets() -> None:
    y = points(2560)
    energies = {}
    for rate in (0.0, 0.5):
        method, rng = KMeansSGD(clusters=1, least_rate=rate), Generator().manual_seed(0)
        surface = method.build(PROBLEM)
        assert isinstance(surface, CountedPrototypes)
        for rows in torch.split(y, 256):
            method.step(surface, Batch(rows), rng)
        energies[rate] = surface.prototypes[0]
    torch.testing.assert_close(energies[0.0], y.mean(0), atol=1e-4, rtol=0)
    assert float((energies[0.5] - y.mean(0)).norm()) > 0.02


def test_a_step_moves_each_prototype_down_the_gradient_of_its_energy() -> None:
    """w_k += (1 / n_k) sum (y_i - w_k): minus half the gradient of the summed energy over the wins, by autograd."""
    method, rng, data = KMeansSGD(clusters=5, least_rate=0.0), Generator().manual_seed(0), points(768)
    surface = method.build(PROBLEM)
    assert isinstance(surface, CountedPrototypes)
    for rows in torch.split(data[:512], 256):
        method.step(surface, Batch(rows), rng)
    before = surface.prototypes.clone().requires_grad_(True)
    (data[512:, None] - before).square().sum(-1).min(-1).values.sum().backward()  # type: ignore[no-untyped-call]
    method.step(surface, Batch(data[512:]), rng)
    assert before.grad is not None
    expected = before.detach() - before.grad / (2 * surface.wins[:, None])
    torch.testing.assert_close(surface.prototypes, expected, atol=1e-5, rtol=1e-5)
    upwards = before.detach() + before.grad / (2 * surface.wins[:, None])
    assert not torch.allclose(surface.prototypes, upwards, atol=1e-3)


@pytest.mark.long
def test_stochastic_gradients_with_a_least_rate_get_below_lloyd_on_the_spiral_and_without_it_do_not() -> None:
    """The lecture has coordinate descent better and faster: true of rates that die out, and of those alone."""
    data, test = PinkSpiral(), PinkSpiral().sample(20_000, Generator().manual_seed(9)).y.float()
    y = data.sample(20_000, Generator().manual_seed(1)).y.float()
    lloyd = float(fit(KMeans(clusters=20), y)(test).mean())
    reached = {}
    for rate in (0.0, 0.1):
        method, rng, source = KMeansSGD(clusters=20, least_rate=rate), Generator().manual_seed(1), Generator()
        surface = method.build(PROBLEM)
        assert isinstance(surface, CountedPrototypes)
        for _ in range(1500):
            method.step(surface, Batch(data.sample(256, source).y.float()), rng)
        reached[rate] = float(surface(test).mean())
    assert reached[0.1] < 1.01 * lloyd
    assert reached[0.1] < 0.99 * reached[0.0]


def growth(power: float = 1.0) -> float:
    """The exponent of F(m + d n) - F(m) off the spiral, both ways along the normal, for F to that power."""
    data = PinkSpiral()
    surface = fit(KMeans(clusters=20), data.sample(5000, Generator().manual_seed(1)).y.float())
    points, normal = data.manifold.draw(500, Generator().manual_seed(2))
    level = (surface(points.float()) ** power).mean()
    rise = [
        float((surface((points + sign * float(d) * data.sigma * normal).float()) ** power).mean() - level)
        for d in DISTANCES
        for sign in (1, -1)
    ]
    return power_law(DISTANCES, np.array(rise).reshape(-1, 2).mean(1)).exponent


def test_the_energy_grows_with_the_square_of_the_distance_from_the_spiral_and_its_square_does_not() -> None:
    assert growth() == pytest.approx(2, rel=0.02)
    assert growth(2.0) != pytest.approx(2, rel=0.02)
