"""Energies with a latent variable: free energies between their bounds, and lattices that are quadratures."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Generator

from ebmbench.parts.latent import free_energy, lattice, minimum, normal_lattice, squared_distances


def test_the_minimum_is_over_the_codes_and_says_which() -> None:
    energies = torch.tensor([[3.0, 1.0, 2.0], [-1.0, 5.0, 0.0]])
    value, code = minimum(energies)
    assert value.tolist() == [1.0, -1.0]
    assert code.tolist() == [1, 0]


def test_free_energy_lies_between_the_minimum_and_the_mean() -> None:
    energies = torch.rand(50, 6, generator=Generator().manual_seed(0), dtype=torch.float64) * 4
    lowest = minimum(energies)[0]
    previous = energies.mean(-1)
    for beta in (1e-3, 0.1, 1.0, 10.0):
        free = free_energy(energies, beta)
        assert (lowest <= free + 1e-12).all()
        assert (free <= previous + 1e-12).all()
        assert (free - lowest <= math.log(6) / beta + 1e-12).all()
        previous = free


def test_equal_codes_have_the_free_energy_of_one() -> None:
    """The 1/|Z| convention: with the sum in the place of the mean it would fall by log K / beta."""
    energies = torch.full((4, 50), 2.5, dtype=torch.float64)
    for beta in (0.1, 1.0, 20.0):
        torch.testing.assert_close(free_energy(energies, beta), energies[:, 0])
    as_a_sum = -torch.logsumexp(-energies, -1)
    assert not torch.allclose(free_energy(energies), as_a_sum, atol=1.0)


def test_the_free_energy_of_a_normal_code_integrates_it_out() -> None:
    """y = z + s e: -log of the integral of N(y; z, s^2) N(z; 0, 1) is that of N(y; 0, 1 + s^2)."""
    s, y = 0.5, torch.linspace(-2, 2, 9, dtype=torch.float64)[:, None]
    z = normal_lattice(1, 4000).double()
    energies = squared_distances(y, z) / (2 * s**2) + 0.5 * math.log(2 * math.pi * s**2)
    expected = y[:, 0].square() / (2 * (1 + s**2)) + 0.5 * math.log(2 * math.pi * (1 + s**2))
    torch.testing.assert_close(free_energy(energies), expected, atol=1e-3, rtol=0)
    assert not torch.allclose(minimum(energies)[0], expected, atol=0.1)


def test_the_mean_over_a_normal_lattice_is_a_normal_expectation() -> None:
    nodes = normal_lattice(2, 200).double()
    assert nodes.shape == (40_000, 2)
    torch.testing.assert_close(nodes.T @ nodes / len(nodes), torch.eye(2, dtype=torch.float64), atol=0.01, rtol=0)
    expected = math.exp(-0.5 * (0.7**2 + 0.3**2))
    direction = torch.tensor([0.7, 0.3], dtype=torch.float64)
    assert float((nodes @ direction).cos().mean()) == pytest.approx(expected, abs=2e-3)
    assert float((2 * lattice(2, 200).double() @ direction).cos().mean()) != pytest.approx(expected, abs=8e-3)


def test_a_lattice_fills_the_unit_ball_and_keeps_its_ends() -> None:
    line, disc = lattice(1, 11), lattice(2, 101)
    assert line[:, 0].tolist() == pytest.approx([k / 5 - 1 for k in range(11)], abs=1e-6)
    assert float(disc.norm(dim=-1).max()) <= 1 + 1e-6
    assert len(disc) == pytest.approx(math.pi / 4 * 100**2, rel=0.02)


def test_distances_are_exact_where_the_usual_product_is_not() -> None:
    u = 1000 + torch.tensor([[0.0, 0.0]])
    places = 1000 + torch.tensor([[0.125, 0.0], [0.0, 0.25]])
    assert squared_distances(u, places)[0].tolist() == [0.125**2, 0.25**2]
    product = u.square().sum(-1, keepdim=True) - 2 * u @ places.T + places.square().sum(-1)
    assert product[0].tolist() != [0.125**2, 0.25**2]
