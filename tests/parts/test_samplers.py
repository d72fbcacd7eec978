"""Chains leave the density they are for invariant; without the accept step they do not."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Generator, Tensor

from ebmbench.parts.noise import Gaussian, normal
from ebmbench.parts.samplers import Hmc, Mala, independence_step, langevin

VARIANCES = torch.tensor([1.0, 0.25])


def energy(y: Tensor) -> Tensor:
    return (y.square() / (2 * VARIANCES)).sum(-1)


def with_gradient(y: Tensor) -> tuple[Tensor, Tensor]:
    return energy(y), y / VARIANCES


def test_mala_is_exact_whatever_its_step() -> None:
    mala = Mala(0.15, rate=0.0)
    y, last = mala(with_gradient, torch.zeros(20_000, 2), 60, Generator().manual_seed(0))
    torch.testing.assert_close(y.var(0), VARIANCES, rtol=0.05, atol=0)
    torch.testing.assert_close(last, energy(y))


def test_langevin_without_the_accept_step_has_the_known_bias() -> None:
    """Its variance on N(0, s^2) is s^2 / (1 - e / 2 s^2); the formula with half the step is refused."""
    step = 0.15
    y = langevin(with_gradient, torch.zeros(20_000, 2), [step] * 60, Generator().manual_seed(0))
    torch.testing.assert_close(y.var(0), VARIANCES / (1 - step / (2 * VARIANCES)), rtol=0.05, atol=0)
    assert not torch.allclose(y.var(0), VARIANCES / (1 - step / (4 * VARIANCES)), rtol=0.05)
    assert not torch.allclose(y.var(0), VARIANCES, rtol=0.05)


def test_langevin_steps_scale_with_the_axes() -> None:
    y = langevin(with_gradient, torch.zeros(20_000, 2), [0.2] * 60, Generator().manual_seed(0), VARIANCES.sqrt())
    torch.testing.assert_close(y.var(0), VARIANCES / (1 - 0.2 / 2), rtol=0.05, atol=0)


def test_a_limited_drift_is_at_most_so_many_sizes_of_the_noise() -> None:
    start, step = torch.tensor([[1e3, -1e3], [0.1, 0.1]]), 0.02
    noise = normal((2, 2), start, Generator().manual_seed(0))
    y = langevin(with_gradient, start, [step], Generator().manual_seed(0), limit=0.5)
    drift = (start - y) / (2 * step) ** 0.5 + noise
    torch.testing.assert_close(drift[0], torch.tensor([0.5, -0.5]), atol=1e-3, rtol=0)
    torch.testing.assert_close(drift[1], (step / 2) ** 0.5 * start[1] / VARIANCES, atol=1e-5, rtol=0)


class AlwaysAccepting(Hmc):
    """The wrong twin: each trajectory looks as if it had fallen far, so that none is refused."""

    fallen = 0.0

    def _leapfrog(self, *args: Any) -> Any:
        y, momentum, _, gradient = super()._leapfrog(*args)
        self.fallen -= 1e6
        return y, momentum, torch.full((len(y),), self.fallen), gradient


class HalfStepDropped(Hmc):
    """The other wrong twin: the last half step of the momentum is missing, so that no trajectory can be reversed."""

    def _leapfrog(self, *args: Any) -> Any:
        y, momentum, energy, gradient = super()._leapfrog(*args)
        return y, momentum + args[-1] / 2 * gradient, energy, gradient


def after_trajectories(hmc: Hmc, scale: Tensor | float = 1.0) -> tuple[Tensor, Tensor]:
    y, last = hmc(with_gradient, torch.zeros(20_000, 2), 40, Generator().manual_seed(0), scale)
    return y, last


@pytest.mark.long
@pytest.mark.parametrize("step", [0.2, 0.7])
def test_hmc_is_exact_whatever_its_step(step: float) -> None:
    y, last = after_trajectories(Hmc(step, 5, rate=0.0))
    torch.testing.assert_close(y.mean(0), torch.zeros(2), atol=0.03, rtol=0)
    torch.testing.assert_close(y.var(0), VARIANCES, rtol=0.05, atol=0)
    torch.testing.assert_close((y**4).mean(0), 3 * VARIANCES**2, rtol=0.1, atol=0)
    torch.testing.assert_close(last, energy(y))


def test_hmc_without_the_accept_step_has_the_known_bias() -> None:
    """Leapfrogs keep |p|^2 / 2 + (1 - e^2 / 4 s^2) y^2 / 2 s^2 exactly: the variance is s^2 / (1 - e^2 / 4 s^2)."""
    y, _ = after_trajectories(AlwaysAccepting(0.7, 5, rate=0.0, jitter=0.0))
    torch.testing.assert_close(y.var(0), VARIANCES / (1 - 0.7**2 / (4 * VARIANCES)), rtol=0.05, atol=0)
    assert not torch.allclose(y.var(0), VARIANCES, rtol=0.05)


def test_hmc_with_a_dropped_half_step_is_wrong() -> None:
    y, _ = after_trajectories(HalfStepDropped(0.7, 5, rate=0.0))
    assert not torch.allclose(y.var(0), VARIANCES, rtol=0.05)


def test_hmc_preconditioned_follows_the_same_law() -> None:
    y, _ = after_trajectories(Hmc(0.7, 4, rate=0.0), VARIANCES.sqrt())
    torch.testing.assert_close(y.var(0), VARIANCES, rtol=0.05, atol=0)


def test_a_preconditioner_changes_the_path_and_not_the_law() -> None:
    mala = Mala(0.3, rate=0.0)
    scale = VARIANCES.sqrt()
    y, _ = mala(with_gradient, torch.zeros(20_000, 2), 60, Generator().manual_seed(1), scale=scale)
    torch.testing.assert_close(y.var(0), VARIANCES, rtol=0.05, atol=0)


@pytest.mark.long
@pytest.mark.parametrize("kernel", [Mala(1e-3), Hmc(1e-2, 5, target=0.65)])
def test_the_step_size_finds_the_target_acceptance(kernel: Mala | Hmc) -> None:
    rng = Generator().manual_seed(2)
    y = normal((2000, 2), torch.zeros(1), rng) * VARIANCES.sqrt()
    for _ in range(40):
        y, _ = kernel(with_gradient, y, 10, rng)
    before, step = y.clone(), kernel.log_step.clone()
    y, _ = kernel(with_gradient, y, 1, rng, adapt=False)
    moved = (y != before).any(-1).float().mean()
    assert float(moved) == pytest.approx(kernel.target, abs=0.06)
    assert torch.equal(kernel.log_step, step)


def test_independence_steps_are_exact_and_move_between_modes() -> None:
    """Two separated modes of unequal weight, all chains started in the lighter one."""
    log_weights = torch.log(torch.tensor([0.8, 0.2]))
    centers = torch.tensor([[-2.0, 0.0], [2.0, 0.0]])

    def two_modes(y: Tensor) -> Tensor:
        return -torch.logsumexp(log_weights - (y[:, None] - centers).square().sum(-1) / 0.5, -1)

    noise, rng = Gaussian(torch.zeros(2), 5 * torch.eye(2)), Generator().manual_seed(3)
    y = centers[1].repeat(5000, 1)
    last = two_modes(y)
    for _ in range(150):
        y, last = independence_step(two_modes, noise, y, last, rng)
    assert float((y[:, 0] < 0).float().mean()) == pytest.approx(0.8, abs=0.03)
    torch.testing.assert_close(last, two_modes(y))


@pytest.mark.parametrize("kernel", [Mala(0.1), Hmc(0.1, 3)])
def test_nothing_is_recorded_for_autograd(kernel: Mala | Hmc) -> None:
    scale = torch.ones(2, requires_grad=True)

    def differentiable(y: Tensor) -> tuple[Tensor, Tensor]:
        return energy(y * scale), y * scale**2 / VARIANCES

    y, last = kernel(differentiable, torch.zeros(10, 2), 3, Generator().manual_seed(0))
    assert not langevin(differentiable, torch.zeros(10, 2), [0.1], Generator().manual_seed(0)).requires_grad
    assert not y.requires_grad
    assert not last.requires_grad
