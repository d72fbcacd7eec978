"""Mixtures in any number of dimensions: against scipy, against their marginals, and against closed forms."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy.stats import kstest, multivariate_normal, norm
from torch import Generator, Tensor

from ebmbench.datasets.dimensions import FortyGaussians, Mixture, RandomMixture, ScaleMixture, TwoModes, scattered

ALL = [FortyGaussians(dim=8), FortyGaussians(), TwoModes(dim=5), TwoModes(), RandomMixture(), ScaleMixture(weight=0.3)]
every = pytest.mark.parametrize("dataset", ALL, ids=lambda d: f"{type(d).__name__}-{d.domain.dim}")


def drawn(dataset: Mixture, n: int, seed: int = 0) -> Tensor:
    return dataset.sample(n, Generator().manual_seed(seed)).y


def added_up(dataset: Mixture, y: Tensor) -> np.ndarray:
    """log density by scipy, component by component."""
    centers, log_weight, sigma = (part.numpy() for part in dataset.components())
    parts = zip(centers, log_weight, sigma, strict=True)
    each = [w + multivariate_normal(m, s**2).logpdf(y.numpy()) for m, w, s in parts]
    return np.asarray(np.logaddexp.reduce(each, axis=0))


@every
def test_the_density_is_the_mixture_that_scipy_adds_up(dataset: Mixture) -> None:
    y = torch.cat([drawn(dataset, 30), 3 * drawn(dataset, 30, 1)])
    np.testing.assert_allclose(dataset.log_prob(y).numpy(), added_up(dataset, y), rtol=1e-9)


def test_a_normalizer_that_forgets_the_dimension_is_seen() -> None:
    """The wrong twin: the constant of the plane in five dimensions; with two scales it changes the shape as well."""

    class Forgetful(ScaleMixture):
        def log_prob(self, y: Tensor, x: Tensor | None = None) -> Tensor:
            centers, log_weight, sigma = self.components()
            logits = log_weight - 2 * sigma.log() - 0.5 * torch.cdist(y, centers).square() / sigma.square()
            return torch.logsumexp(logits, -1) - 0.5 * self.dim * math.log(2 * math.pi)

    plane, space = Forgetful(dim=2), Forgetful(dim=5)
    np.testing.assert_allclose(plane.log_prob(drawn(plane, 20)), added_up(plane, drawn(plane, 20)), rtol=1e-9)
    assert np.ptp(space.log_prob(drawn(space, 20)).numpy() - added_up(space, drawn(space, 20))) > 0.1


@every
def test_the_score_is_the_gradient_of_the_density(dataset: Mixture) -> None:
    y = drawn(dataset, 40).requires_grad_()
    (expected,) = torch.autograd.grad(dataset.log_prob(y).sum(), y)
    torch.testing.assert_close(dataset.score(y.detach()), expected, atol=1e-9, rtol=1e-9)


@every
def test_the_sampler_has_the_marginals_of_the_density(dataset: Mixture) -> None:
    """Along a random direction a mixture is one of normals of the line."""
    direction = torch.randn(dataset.domain.dim, generator=Generator().manual_seed(5), dtype=torch.float64)
    direction /= direction.norm()
    centers, log_weight, sigma = dataset.components()
    places, weight = (centers @ direction).numpy(), log_weight.exp().numpy()

    def cumulative(at: np.ndarray) -> np.ndarray:
        return np.asarray((weight * norm.cdf(at[:, None], places, sigma.numpy())).sum(-1))

    y = (drawn(dataset, 20_000) @ direction).numpy()
    assert kstest(y, cumulative).pvalue > 1e-4
    assert kstest(1.05 * y + 0.05, cumulative).pvalue < 1e-4, "the wrong twin: a twentieth too wide"


@pytest.mark.parametrize("dim", [2, 50])
def test_the_entropy_of_two_modes_far_apart(dim: int) -> None:
    """That of a normal, and that of the choice."""
    dataset = TwoModes(dim=dim)
    values = -dataset.log_prob(drawn(dataset, 20_000))
    known = dim / 2 * math.log(2 * math.pi * math.e) - 0.25 * math.log(0.25) - 0.75 * math.log(0.75)
    assert float(values.mean()) == pytest.approx(known, abs=4 * float(values.std()) / math.sqrt(20_000))


def test_two_modes_are_ten_apart_and_hold_a_quarter_and_three() -> None:
    dataset = TwoModes()
    centers, log_weight, _ = dataset.components()
    assert float(torch.dist(centers[0], centers[1])) == 10
    assert (log_weight.exp() @ centers).abs().max() == 0
    owner = dataset.assign_mode(drawn(dataset, 40_000))
    assert float((owner == 0).double().mean()) == pytest.approx(0.25, abs=0.01)
    assert float((owner < 0).double().mean()) < 1e-3


def test_far_from_all_modes_is_none() -> None:
    dataset, shift = TwoModes(), torch.zeros(50, dtype=torch.float64)
    shift[1] = 11.2
    assert dataset.assign_mode(dataset.components()[0] + shift).tolist() == [-1, -1]
    shift[1] = 11.0
    assert dataset.assign_mode(dataset.components()[0] + shift).tolist() == [0, 1]


@pytest.mark.parametrize("dim", [2, 4, 16, 64])
def test_forty_centers_are_as_far_apart_in_every_dimension(dim: int) -> None:
    distance = torch.pdist(FortyGaussians(dim=dim).components()[0])
    assert float(distance.square().mean().sqrt()) == pytest.approx(20 * math.sqrt(4 / 3), rel=0.12)
    assert float(distance.min()) >= 4


def test_the_centers_are_fixed_by_their_seed_alone() -> None:
    one, same, other = (FortyGaussians(dim=3, centers=seed).components()[0] for seed in (0, 0, 1))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)


def test_points_without_room_are_refused() -> None:
    with pytest.raises(ValueError, match="5 points 3 apart have no room"):
        scattered(5, 2, 1.0, 3.0, Generator().manual_seed(0))


@pytest.mark.parametrize("dataset", [FortyGaussians(dim=4), TwoModes(dim=4), ScaleMixture(dim=4)])
def test_smoothing_adds_the_squares_of_the_noise(dataset: Mixture) -> None:
    """Against the mean of the noise's density over exact draws."""
    blurred, sigma = dataset.smoothed(1.5), 1.5
    assert blurred is not None
    y, centers = drawn(dataset, 10), drawn(dataset, 100_000, 1)
    kernel = torch.exp(-0.5 * torch.cdist(y, centers).square() / sigma**2) / (2 * math.pi * sigma**2) ** 2
    error = kernel.std(1) / math.sqrt(kernel.shape[1])
    assert bool(((blurred.log_prob(y).exp() - kernel.mean(1)).abs() < 5 * error).all())


def test_of_normals_of_many_sizes_there_is_no_smoothing() -> None:
    assert RandomMixture().smoothed(1.0) is None


def test_the_scales_of_one_center_are_told_by_the_shell() -> None:
    dataset = ScaleMixture(dim=64)
    narrow, wide = (torch.nn.functional.one_hot(torch.tensor([0]), 64).double() * r for r in (8.0, 16.0))
    assert dataset.assign_mode(torch.cat([narrow, wide])).tolist() == [0, 1]


@every
def test_the_box_holds_the_data(dataset: Mixture) -> None:
    assert bool(dataset.domain.contains(drawn(dataset, 5000)).all())
    assert dataset.track == "dimensions"
