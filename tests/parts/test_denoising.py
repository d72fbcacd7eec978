"""The denoiser of an energy against Miyasawa's formula, and points that are corrupted in pairs."""

from __future__ import annotations

import pytest
import torch
from torch import Generator, Tensor

from ebmbench.contracts.records import NetConfig
from ebmbench.parts.denoising import ScoreSurface, corrupted
from ebmbench.parts.nets import EnergyNet
from ebmbench.training.seeding import initialization
from tests.stand_ins import Quadratic

SMALL = NetConfig(features=8, scales=(0.5, 1.0), width=32, depth=2)


def points(n: int, seed: int = 5) -> Tensor:
    return torch.randn(n, 2, generator=Generator().manual_seed(seed))


def test_the_denoiser_is_a_step_down_the_energy() -> None:
    with initialization(0):
        net = EnergyNet(torch.zeros(2), torch.ones(2), SMALL)
    surface, y = ScoreSurface(net, torch.tensor(0.3)), points(10).requires_grad_(True)
    (gradient,) = torch.autograd.grad(surface(y).sum(), y)
    torch.testing.assert_close(surface.denoise(y), y - 0.3**2 * gradient, rtol=1e-4, atol=1e-5)
    assert not torch.allclose(surface.denoise(y), y + 0.3**2 * gradient, atol=1e-3)


@pytest.mark.parametrize("size", [0.2, 1.0])
def test_at_the_energy_of_noisy_data_it_gives_the_mean_of_the_clean_point(size: float) -> None:
    """Data N(0, I), noisy N(0, (1 + s^2) I): E[clean | noisy] = noisy / (1 + s^2); with the clean energy it is not."""
    y = points(10)
    right = ScoreSurface(Quadratic(1 / (1 + size**2)), torch.tensor(size))
    torch.testing.assert_close(right.denoise(y), y / (1 + size**2))
    wrong = ScoreSurface(Quadratic(1.0), torch.tensor(size))
    assert not torch.allclose(wrong.denoise(y), y / (1 + size**2), rtol=1e-3)


def test_it_says_what_noise_blurs_it_and_keeps_it_with_the_model() -> None:
    surface, blank = (ScoreSurface(Quadratic(1.0), torch.tensor(size)) for size in (0.25, 1.0))
    assert surface.smoothing == 0.25
    blank.load_state_dict(surface.state_dict())
    assert blank.smoothing == 0.25


def test_corruption_comes_in_pairs() -> None:
    y = points(6, 6)
    seen, noise = corrupted(y, torch.tensor(0.2), Generator().manual_seed(7))
    torch.testing.assert_close(seen, torch.cat([y, y]) + 0.2 * noise)
    assert torch.equal(noise[:6], -noise[6:])


def test_corruption_is_standard_normal_in_units_of_its_size() -> None:
    seen, noise = corrupted(torch.zeros(50_000, 2), torch.tensor(0.2), Generator().manual_seed(7))
    torch.testing.assert_close(noise.T @ noise / len(noise), torch.eye(2), atol=0.02, rtol=0)
    torch.testing.assert_close(seen.T @ seen / len(seen), 0.04 * torch.eye(2), atol=1e-3, rtol=0)
