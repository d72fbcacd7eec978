"""Integrals of exp(-F) with their errors: Gaussians have every answer in closed form."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from scipy.stats import norm

from ebmbench.contracts.domain import Binary, Box, square
from ebmbench.errors import NotApplicable, NotNormalizable
from ebmbench.truth.normalizer import (
    AllStates,
    Array,
    Lattice,
    Normalizer,
    as_array,
    log_normalizer,
)

SUPPORT = square(9).support(200)
LOG_WEIGHT = as_array(SUPPORT.log_weight)
RADIUS2: Array = np.square(as_array(SUPPORT.points)).sum(-1)


# --- log Z -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("beta", [0.5, 1.0, 3.0])
def test_log_normalizer_of_a_gaussian(beta: float) -> None:
    """The integral of exp(-beta |y|^2 / 2) over the plane is 2 pi / beta."""
    assert log_normalizer(RADIUS2 / 2, LOG_WEIGHT, beta) == pytest.approx(math.log(2 * math.pi / beta), abs=1e-6)


def test_log_normalizer_moves_with_the_energy_and_does_not_overflow() -> None:
    value = log_normalizer(RADIUS2 / 2 - 5000, LOG_WEIGHT)
    assert value == pytest.approx(math.log(2 * math.pi) + 5000, abs=1e-6)


def test_log_normalizer_uses_each_weight() -> None:
    """Two cells of volumes 1 and 3 with energies 0 and log 3: 1 + 3/3."""
    energy, log_weight = np.array([0.0, math.log(3)]), np.array([0.0, math.log(3)])
    assert log_normalizer(energy, log_weight) == pytest.approx(math.log(2))


def test_a_tensor_becomes_an_array_of_doubles() -> None:
    found = as_array(torch.ones(2, requires_grad=True))
    assert found.dtype == np.float64
    assert found.tolist() == [1, 1]


# --- lattices --------------------------------------------------------------------------------------------------------

SIDE = 60


def lattice(dim: int, side: int = SIDE) -> Lattice:
    """Cells one wide, so that widths are in cells."""
    return Lattice(Box((0.0,) * dim, (float(side),) * dim), side)


def gaussian(found: Lattice, sigma: float, place: float) -> tuple[Array, float]:
    """|y - c|^2 / 2 sigma^2 with c beside a midpoint by ``place`` cells along each axis, and its true log Z."""
    dim = found.box.dim
    center = found.box.high[0] / 2 + 0.5 + place  # half of an even side is a corner of four cells
    squared = np.square(as_array(found.support.points) - center).sum(-1)
    return squared / (2 * sigma**2), dim / 2 * math.log(2 * math.pi * sigma**2)


@pytest.mark.parametrize("dim", [1, 2])
@pytest.mark.parametrize("place", [0.0, 0.1, 0.25, 0.4])
@pytest.mark.parametrize("sigma", [0.2, 0.3, 0.5, 0.7])
def test_the_error_bounds_that_of_a_gaussian_narrower_than_a_cell(sigma: float, place: float, dim: int) -> None:
    """From off by nats to nearly right, wherever the peak stands between the midpoints."""
    found = lattice(dim)
    energy, expected = gaussian(found, sigma, place)
    log_z = found.log_z(energy)
    assert abs(log_z.value - expected) <= log_z.error + 1e-12


def test_that_gaussian_is_worth_an_error() -> None:
    """The twin without an error would be far off: the cases above are not trivial."""
    found = lattice(2)
    energy, expected = gaussian(found, 0.2, 0.0)
    assert abs(found.log_z(energy).value - expected) > 1


@pytest.mark.parametrize("dim", [1, 2])
def test_the_error_of_a_peak_on_the_corner_of_cells_is_bounded_too(dim: int) -> None:
    """Lattices of every second point are mirror images about a corner: they agree, and all of them are wrong.

    The center of a box is such a corner whenever the number of cells is even.
    """
    found = lattice(dim)
    energy, expected = gaussian(found, 0.3, 0.5)
    log_z = found.log_z(energy)
    assert abs(log_z.value - expected) <= log_z.error + 1e-12


@pytest.mark.parametrize("dim", [1, 2, 3])
@pytest.mark.parametrize("place", [0.0, 0.3, 0.5])
@pytest.mark.parametrize("beta", [0.5, 1.0])
def test_a_smooth_gaussian_has_its_log_z_and_no_error_to_speak_of(place: float, beta: float, dim: int) -> None:
    """Three cells to a standard deviation: the midpoint rule converges faster than any power."""
    found = lattice(dim)
    energy, _ = gaussian(found, 3.0, place)
    log_z = found.log_z(energy, beta)
    assert log_z.value == pytest.approx(dim / 2 * math.log(2 * math.pi * 9 / beta), abs=1e-9)
    assert log_z.error < 1e-9


def test_a_hotter_energy_is_smoother() -> None:
    """At beta = 1/100 the peak is ten times as wide: the error is that of the temperature, not that of the energy."""
    found = lattice(2)
    energy, _ = gaussian(found, 0.3, 0.1)
    assert found.log_z(energy).error > 1
    assert found.log_z(energy, 0.01).error < 1e-9


def walled(found: Lattice, energy: Array) -> Array:
    """An energy on the box that is infinite outside."""
    outside = len(found.support.points) - len(energy)
    return np.append(energy, np.full(outside, math.inf))


def test_a_constant_energy_within_walls_has_the_volume_and_no_error() -> None:
    found = lattice(2)
    log_z = found.log_z(walled(found, np.full(SIDE**2, 3.0)))
    assert log_z.value == pytest.approx(2 * math.log(SIDE) - 3)
    assert log_z.error == pytest.approx(0, abs=1e-12)


def test_what_only_one_cell_holds_may_be_anything() -> None:
    """The coarser lattices that miss it have no mass at all."""
    found = lattice(2)
    energy = walled(found, np.full(SIDE**2, math.inf))
    energy[7] = 0.0
    assert found.log_z(energy).value == pytest.approx(0, abs=1e-12)
    assert found.log_z(energy).error == math.inf


def test_impossible_cells_at_the_rim_do_no_harm() -> None:
    found = lattice(2)
    energy, expected = gaussian(found, 3.0, 0.0)
    energy[energy > 20] = math.inf
    assert found.log_z(energy).value == pytest.approx(expected, abs=1e-6)
    assert found.log_z(energy).error < 1e-6


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_a_refined_lattice_has_cells_half_as_wide(dim: int) -> None:
    found = lattice(dim, 8)
    fine = found.refined()
    torch.testing.assert_close(fine.cell, torch.full(((16**dim), dim), 0.5, dtype=torch.float64))
    assert float(fine.log_weight.exp().sum()) == pytest.approx(8**dim)


# --- outside the box -------------------------------------------------------------------------------------------------


def test_shells_and_box_tile_the_box_64_times_as_wide() -> None:
    box = Box((-1.0, 2.0), (3.0, 5.0))
    found = Lattice(box, 40)
    for k, shell in enumerate(found.shells):
        inner, outer = box.scaled(2**k), box.scaled(2 ** (k + 1))
        assert not bool(inner.contains(shell.points).any())
        assert bool(outer.contains(shell.points).all())
        assert float(shell.log_weight.exp().sum()) == pytest.approx(12 * (4 ** (k + 1) - 4**k))
        torch.testing.assert_close(shell.cell.prod(-1), shell.log_weight.exp())
    assert float(found.support.log_weight.exp().sum()) == pytest.approx(12 * 64**2)


@pytest.mark.parametrize("dim", [1, 2])
@pytest.mark.parametrize("sigma", [0.2, 0.5, 1.0, 2.0, 4.0])
@pytest.mark.parametrize("center", [0.0, 0.7])
def test_a_gaussian_outside_its_box_integrates_to_one(sigma: float, center: float, dim: int) -> None:
    """From 0.001 % to 99 % of it outside; the box alone, the twin, is wrong by up to nats."""
    found = Lattice(Box((-1.0,) * dim, (1.0,) * dim), 400)
    squared = np.square(as_array(found.support.points) - center).sum(-1)
    energy = squared / (2 * sigma**2) + dim / 2 * math.log(2 * math.pi * sigma**2)
    log_z = found.log_z(energy)
    assert log_z.value == pytest.approx(0, abs=1e-4)
    assert abs(log_z.value) <= log_z.error + 1e-5
    side = norm.cdf((1 - center) / sigma) - norm.cdf((-1 - center) / sigma)
    assert found.log_z_inside(energy) == pytest.approx(dim * math.log(side), abs=1e-4)


def test_a_tail_that_falls_slowly_is_extrapolated_into_the_error() -> None:
    """q = 1 / (pi (1 + r^2)^2): outside radius R lies 1 / (1 + R^2), of which the last shell sees all but that."""
    found = Lattice(square(1), 400)
    squared = np.square(as_array(found.support.points)).sum(-1)
    log_z = found.log_z(2 * np.log1p(squared) + math.log(math.pi))
    assert log_z.value < -1e-4
    assert -log_z.value < log_z.error < 3e-4


@pytest.mark.parametrize("level", [-3.0, 0.0, 5.0, 20.0])
def test_a_plateau_has_no_integral_however_high_it_is(level: float) -> None:
    """min(|y|^2 / 2, level) with a tenth of the box for a standard deviation: perfect inside."""
    found = Lattice(square(10), 200)
    squared = np.square(as_array(found.support.points)).sum(-1)
    plateau = np.where(squared > 200, level, squared / 2)
    with pytest.raises(NotNormalizable, match="what lies farther is no less"):
        found.log_z(plateau)
    assert found.log_z(squared / 2).value == pytest.approx(math.log(2 * math.pi), abs=1e-9)


def test_mass_that_lies_outside_alone_has_its_integral() -> None:
    """Walls about the box, from within: N(0, I) of which all that lies in the box is missing."""
    found = Lattice(square(1), 200)
    points = as_array(found.support.points)
    energy = np.where((np.abs(points) < 1).all(-1), math.inf, np.square(points).sum(-1) / 2)
    inside = (norm.cdf(1) - norm.cdf(-1)) ** 2
    log_z = found.log_z(energy)
    assert log_z.value == pytest.approx(math.log(2 * math.pi * (1 - inside)), abs=1e-6)
    assert log_z.error < 1e-6


@pytest.mark.parametrize(("value", "why"), [(0.0, "what lies farther"), (math.inf, "zero everywhere")])
def test_a_constant_has_no_integral(value: float, why: str) -> None:
    found = lattice(2)
    with pytest.raises(NotNormalizable, match=why):
        found.log_z(np.full(len(found.support.points), value))


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_only_two_dimensions_are_a_plane(dim: int) -> None:
    found = lattice(dim, 4)
    if dim == 2:
        assert found.plane("unused") == found.box
        return
    with pytest.raises(NotApplicable, match="only on paper"):
        found.plane("only on paper")


# --- all states ------------------------------------------------------------------------------------------------------


def test_all_states_are_summed_without_an_error() -> None:
    """Independent bits: log Z is the sum of log(1 + exp(-beta h_i))."""
    field = np.array([0.3, -1.0, 2.0, 0.0, 40.0])
    states = AllStates(Binary(5).support())
    energy = as_array(states.support.points) @ field
    for beta in (1.0, 0.25):
        assert states.log_z(energy, beta).value == pytest.approx(np.log1p(np.exp(-beta * field)).sum())
        assert states.log_z(energy, beta).error == 0
    assert not states.log_weight.any()


def test_states_have_nothing_finer_no_outside_and_no_plane() -> None:
    states = AllStates(Binary(2).support())
    with pytest.raises(NotApplicable, match="nothing finer"):
        states.refined()
    with pytest.raises(NotApplicable, match="no outside"):
        states.require_outside()
    with pytest.raises(NotApplicable, match="only on paper"):
        states.plane("only on paper")


# --- nothing ---------------------------------------------------------------------------------------------------------

ASKED: dict[str, Callable[[Normalizer], object]] = {
    "domain": lambda n: n.domain,
    "support": lambda n: n.support,
    "log_weight": lambda n: n.log_weight,
    "log_z": lambda n: n.log_z(np.zeros(4)),
    "log_z_inside": lambda n: n.log_z_inside(np.zeros(4)),
    "refined": lambda n: n.refined(),
    "require_outside": lambda n: n.require_outside(),
}


@pytest.mark.parametrize("member", ASKED)
def test_where_nothing_covers_the_domain_the_reason_is_given(member: str) -> None:
    with pytest.raises(NotApplicable, match="it is too far away"):
        ASKED[member](Normalizer("it is too far away"))
