"""The spaces that data live in: lattices are quadratures of their box, and bits are counted."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from torch import Tensor

from ebmbench.contracts.domain import MAX_BITS, Binary, Box, Domain, square


def rows(*points: tuple[float, ...]) -> Tensor:
    return torch.tensor(points, dtype=torch.float64)


# --- boxes -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("domain", "volume"), [(Box((-1.0, 2.0), (3.0, 5.0)), 12.0), (Box((0.0,), (0.5,)), 0.5), (square(4), 64.0)]
)
def test_weights_of_a_box_sum_to_its_volume(domain: Box, volume: float) -> None:
    support = domain.support(7)
    assert len(support.points) == 7**domain.dim
    assert float(support.log_weight.exp().sum()) == pytest.approx(volume, rel=1e-12)
    assert math.exp(domain.log_volume) == pytest.approx(volume, rel=1e-12)


def test_points_of_a_box_are_midpoints_with_the_last_coordinate_fastest() -> None:
    points = Box((0.0, 10.0), (2.0, 14.0)).support(2).points
    assert points.tolist() == [[0.5, 11.0], [0.5, 13.0], [1.5, 11.0], [1.5, 13.0]]


def test_midpoints_integrate_linear_functions_exactly() -> None:
    support = Box((-1.0, 2.0), (3.0, 5.0)).support(5)
    integral = float((support.log_weight.exp() * (support.points @ torch.tensor([2.0, -1.0]).double())).sum())
    assert integral == pytest.approx(12 * (2 * 1.0 - 3.5), rel=1e-12)


@pytest.mark.parametrize(
    "domain", [Box((0.0,), (6.0,)), Box((-1.0, 2.0), (3.0, 5.0)), Box((0.0,) * 3, (1.0, 2.0, 4.0))]
)
def test_a_support_can_be_laid_out_on_its_shape(domain: Box) -> None:
    """Along each axis of the shape that coordinate alone grows, by the width of a cell; cells fill the box."""
    support = domain.support(4)
    assert support.shape == (4,) * domain.dim
    assert support.points.dtype == support.log_weight.dtype == support.cell.dtype == torch.float64
    grid = support.points.reshape(*support.shape, domain.dim)
    for axis in range(domain.dim):
        step = torch.zeros(domain.dim, dtype=torch.float64)
        step[axis] = support.cell[0, axis]
        torch.testing.assert_close(grid.diff(dim=axis), step.expand_as(grid.diff(dim=axis)))
    torch.testing.assert_close(
        4 * support.cell[0], torch.tensor(domain.high) - torch.tensor(domain.low), check_dtype=False
    )
    torch.testing.assert_close(support.log_weight.exp(), support.cell.prod(-1))


@pytest.mark.parametrize(
    "domain", [Box((0.0,), (6.0,)), Box((-1.0, 2.0), (3.0, 5.0)), Box((0.0,) * 3, (1.0, 2.0, 4.0))]
)
def test_a_shell_integrates_polynomials_over_what_lies_around_a_box(domain: Box) -> None:
    """The fourth power of each coordinate about the center: over the box twice as wide, less over the box."""
    shell = domain.shell(4)
    sides = torch.tensor(domain.high, dtype=torch.float64) - torch.tensor(domain.low, dtype=torch.float64)
    center = torch.tensor(domain.low, dtype=torch.float64) + sides / 2
    found = (shell.log_weight.exp()[:, None] * (shell.points - center) ** 4).sum(0)
    volume = math.exp(domain.log_volume)
    torch.testing.assert_close(found, volume * (2**domain.dim * sides**4 - (sides / 2) ** 4) / 5)
    torch.testing.assert_close(shell.log_weight.exp(), shell.cell.prod(-1))


def test_a_scaled_box_keeps_its_center() -> None:
    assert Box((-1.0, 2.0), (3.0, 5.0)).middle == Box((-1.0, 2.0), (3.0, 5.0)).scaled(7).middle == (1.0, 3.5)
    assert Box((-1.0, 2.0), (3.0, 5.0)).scaled(2) == Box((-3.0, 0.5), (5.0, 6.5))
    assert square(3).scaled(0.5) == square(1.5)


def test_a_box_contains_its_faces_and_not_what_lies_beyond() -> None:
    domain = Box((0.0, 0.0), (1.0, 2.0))
    assert domain.contains(rows((0, 0), (1, 2), (0.5, 2.1), (-0.1, 1))).tolist() == [True, True, False, False]


def test_a_square_lies_about_the_origin() -> None:
    assert square(2) == Box((-2.0, -2.0), (2.0, 2.0))


# --- bits ------------------------------------------------------------------------------------------------------------


def test_the_support_is_all_states_and_each_weighs_one() -> None:
    support = Binary(3).support(99)
    assert support.points.tolist() == [list(map(float, bits)) for bits in itertools.product((0, 1), repeat=3)]
    assert not support.log_weight.any()
    assert torch.equal(Binary(3).index(support.points), torch.arange(8))


def test_states_are_a_lattice_of_two_places_an_axis_whose_cells_have_no_inside() -> None:
    support = Binary(3).support()
    assert support.shape == (2, 2, 2)
    assert support.points.reshape(*support.shape, 3)[1, 0, 1].tolist() == [1, 0, 1]
    assert support.cell.tolist() == [[0, 0, 0]] * 8


def test_an_index_does_not_ask_for_a_dtype() -> None:
    bits = [[1, 0, 1], [0, 1, 1]]
    for dtype in (torch.float32, torch.float64, torch.int64):
        assert Binary(3).index(torch.tensor(bits, dtype=dtype)).tolist() == [5, 3]


def test_what_is_no_bit_and_what_are_too_many_is_said() -> None:
    with pytest.raises(ValueError, match="0 or 1"):
        Binary(2).index(torch.tensor([[0.0, 0.5]]))
    with pytest.raises(ValueError, match="21 bits have too many states"):
        Binary(21).support(2)


def test_bits_that_are_too_many_to_be_enumerated_still_have_a_place_each() -> None:
    """Only the support is out of reach: a state has its number up to sixty-odd bits."""
    wide = Binary(MAX_BITS + 20)
    last = torch.ones(1, wide.dim, dtype=torch.float64)
    assert int(wide.index(last)) == 2**wide.dim - 1


@pytest.mark.parametrize(("domain", "dim", "kind"), [(square(1), 2, "continuous"), (Binary(5), 5, "binary")])
def test_a_domain_says_what_its_coordinates_are(domain: Domain, dim: int, kind: str) -> None:
    assert (domain.dim, domain.kind) == (dim, kind)


@pytest.mark.parametrize("shift", [(), (0.3, -0.45), (-0.5, 0.5)])
def test_a_shifted_lattice_fills_the_same_box(shift: tuple[float, ...]) -> None:
    """All cells of one width but the first and last along each axis, which are as much wider and narrower."""
    box = Box((-1.0, 2.0), (3.0, 4.0))
    found, n = box.support(8, shift), 8
    assert float(found.log_weight.exp().sum()) == pytest.approx(8)
    torch.testing.assert_close(found.log_weight, found.cell.prod(-1).log())
    for axis, (low, width) in enumerate([(-1, 0.5), (2, 0.25)]):
        moved = shift[axis] if shift else 0
        due = [low, *(low + (k + moved) * width for k in range(1, n)), low + n * width]
        torch.testing.assert_close(found.edges[axis], torch.tensor(due, dtype=torch.float64))
    first, second = (edges[1:] / 2 + edges[:-1] / 2 for edges in found.edges)
    torch.testing.assert_close(found.points, torch.cartesian_prod(first, second))


def test_edges_of_one_and_three_axes() -> None:
    assert Box((0.0,), (2.0,)).support(2).edges[0].tolist() == [0, 1, 2]
    cube = Box((0.0,) * 3, (1.0, 2.0, 4.0)).support(2)
    assert [edges.tolist() for edges in cube.edges] == [[0, 0.5, 1], [0, 1, 2], [0, 2, 4]]


def test_a_box_says_how_its_coordinates_are_laid_out() -> None:
    """One after the other, unless it is a picture; a wider box has the same layout."""
    assert Box((0.0,) * 6, (1.0,) * 6).shape == (6,)
    picture = Box((0.0,) * 6, (1.0,) * 6, (1, 2, 3))
    assert picture.is_picture
    assert not square(1).is_picture
    assert picture.scaled(2).shape == (1, 2, 3)
    with pytest.raises(ValueError, match="6 coordinates are not laid out as"):
        Box((0.0,) * 6, (1.0,) * 6, (2, 2))
