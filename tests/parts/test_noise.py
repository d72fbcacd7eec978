"""Noise: what is drawn has the law whose density is given, and comes from the generator alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Generator, Tensor

from ebmbench.contracts.domain import Box
from ebmbench.contracts.problem import Context
from ebmbench.parts.noise import Gaussian, LinearGaussian, log_uniform, normal, signs, uniform

DOUBLE = torch.zeros((), dtype=torch.float64)


def rng(seed: int = 0) -> Generator:
    return Generator().manual_seed(seed)


def test_the_gaussian_is_torchs() -> None:
    cov = torch.tensor([[2.0, 0.6], [0.6, 1.0]])
    mean = torch.tensor([1.0, -2.0])
    ours: Gaussian = Gaussian(mean, cov)
    theirs: Any = torch.distributions.MultivariateNormal(mean, cov)
    y = 3 * torch.randn(100, 2, generator=rng())
    torch.testing.assert_close(ours.log_prob(y), theirs.log_prob(y))
    drawn = ours.sample(200_000, rng(1))
    torch.testing.assert_close(drawn.mean(0), mean, atol=0.02, rtol=0)
    torch.testing.assert_close(torch.cov(drawn.T), cov, atol=0.03, rtol=0)


def test_the_moments_of_a_gaussian_are_its_own() -> None:
    """They go with the model: another one's are filled in from its state, and the tensors it was made of may change."""
    mean, cov = torch.tensor([1.0, -2.0]), torch.tensor([[2.0, 0.6], [0.6, 1.0]])
    gaussian, blank = Gaussian(mean, cov), Gaussian(torch.zeros(2), torch.eye(2))
    blank.load_state_dict(gaussian.state_dict())
    y = torch.randn(10, 2, generator=rng())
    before = gaussian.log_prob(y)
    assert torch.equal(blank.log_prob(y), before)
    mean.zero_()
    assert torch.equal(gaussian.log_prob(y), before)


def test_log_uniform_draws_have_a_uniform_logarithm() -> None:
    drawn = log_uniform((100_000,), 0.05, 2.0, torch.zeros(1), rng()).log()
    low, high = torch.tensor(0.05).log(), torch.tensor(2.0).log()
    assert float(drawn.min()) >= float(low)
    assert float(drawn.max()) <= float(high)
    torch.testing.assert_close(drawn.mean(), (low + high) / 2, atol=0.02, rtol=0)
    torch.testing.assert_close(drawn.var(), (high - low) ** 2 / 12, rtol=0.02, atol=0)


def test_signs_are_fair_and_independent() -> None:
    v = signs((100_000, 2), DOUBLE, rng())
    torch.testing.assert_close(v.T @ v / len(v), torch.eye(2, dtype=torch.float64), atol=0.02, rtol=0)
    assert set(v.flatten().tolist()) == {-1.0, 1.0}
    assert abs(float(v.mean())) < 0.02


def test_uniform_draws_have_the_moments_of_the_unit_interval() -> None:
    drawn = uniform((100_000,), DOUBLE, rng())
    assert float(drawn.min()) >= 0
    assert float(drawn.max()) < 1
    moments = torch.stack([(drawn**k).mean() for k in (1, 2, 3)])
    torch.testing.assert_close(moments, torch.tensor([1 / 2, 1 / 3, 1 / 4], dtype=torch.float64), atol=5e-3, rtol=0)


def test_normal_draws_have_the_moments_of_the_standard_normal() -> None:
    drawn = normal((100_000,), DOUBLE, rng())
    moments = torch.stack([(drawn**k).mean() for k in (1, 2, 3, 4)])
    torch.testing.assert_close(moments, torch.tensor([0.0, 1.0, 0.0, 3.0], dtype=torch.float64), atol=0.08, rtol=0)


def of_gaussian(shape: tuple[int, ...], like: Tensor, generator: Generator) -> Tensor:
    return Gaussian(like.new_zeros(shape[1]), torch.eye(shape[1], dtype=like.dtype)).sample(shape[0], generator)


def from_low_to_high(shape: tuple[int, ...], like: Tensor, generator: Generator) -> Tensor:
    return log_uniform(shape, 0.1, 2.0, like, generator)


@pytest.mark.parametrize("draw", [normal, uniform, signs, from_low_to_high, of_gaussian])
def test_draws_depend_on_the_generator_alone_and_look_like_what_they_are_for(draw: Any) -> None:
    torch.manual_seed(7)
    before = torch.random.get_rng_state()
    one, two, other = (draw((50, 3), DOUBLE, rng(seed)) for seed in (1, 1, 2))
    assert one.shape == (50, 3)
    assert one.dtype == torch.float64
    assert torch.equal(one, two)
    assert not torch.equal(one, other)
    assert draw((2, 3), torch.zeros(()), rng()).dtype == torch.float32
    assert torch.equal(torch.random.get_rng_state(), before)


def test_the_linear_fit_leaves_out_what_x_does_not_vary_along() -> None:
    """Of 30 pixels that vary in 3 ways: the slope is numpy's pseudo-inverse's, the rest the residuals' covariance."""
    ways = torch.randn(3, 30, generator=rng())
    x = torch.randn(2000, 3, generator=rng(1)) @ ways
    y = torch.cat([x[:, :2], x[:, 2:3] ** 2], 1) + 0.1 * torch.randn(2000, 3, generator=rng(2))
    joint = torch.cov(torch.cat([y, x], 1).T)
    seen = Context(Box((-9.0,) * 30, (9.0,) * 30, (5, 6)), x.mean(0), joint[3:, 3:], joint[3:, :3])
    noise = LinearGaussian(y.mean(0), joint[:3, :3], seen, 1.0)
    exact = np.linalg.pinv(np.cov(x.double().numpy().T), rcond=1e-5) @ joint[3:, :3].double().numpy()
    np.testing.assert_allclose((x @ noise.slope).numpy(), x.double().numpy() @ exact, atol=1e-3)
    left = y - y.mean(0) - (x - x.mean(0)) @ noise.slope
    torch.testing.assert_close(noise.cholesky @ noise.cholesky.T, torch.cov(left.T), atol=1e-3, rtol=0)
