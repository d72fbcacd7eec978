"""What an energy must be: one floating-point number a row that follows its row, finite, and not enormous."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Generator, Tensor, nn

from ebmbench.contracts.dataset import Batch
from ebmbench.contracts.domain import Binary
from ebmbench.contracts.surface import Surface
from ebmbench.errors import UsageError
from ebmbench.training.checks import EXPLODED, Diverged, check_energies, check_form
from tests.factories import Bowl


class Written(Surface):
    """An energy as its author wrote it."""

    def __init__(self, energy: Callable[[Tensor], Any]) -> None:
        super().__init__()
        self.energy, self.a = energy, nn.Parameter(torch.ones(()))

    def forward(self, y: Tensor) -> Any:
        return self.energy(y)


def square(y: Tensor) -> Tensor:
    return y.square().sum(-1)


def rows(n: int = 8) -> Batch:
    return Batch(torch.randn(n, 2, generator=Generator().manual_seed(0)))


MALFORMED: dict[str, tuple[Callable[[Tensor], Any], str]] = {
    "a column": (lambda y: square(y)[:, None], r"\(8, 1\) of float32"),
    "one number for all": (lambda y: square(y).mean(), r"\(\) of float32"),
    "a number a coordinate": (lambda y: y.square(), r"\(8, 2\) of float32"),
    "too few": (lambda y: square(y)[:7], r"\(7,\) of float32"),
    "integers": (lambda y: square(y).round().long(), r"\(8,\) of int64"),
    "truth values": (lambda y: square(y) > 1, r"\(8,\) of bool"),
    "complex numbers": (lambda y: square(y).to(torch.complex64), r"\(8,\) of complex64"),
    "a pair": (lambda y: (square(y), y), "a tuple"),
    "an array": (lambda y: square(y).detach().numpy(), "a ndarray"),
    "nothing": (lambda y: None, "a NoneType"),
}


@pytest.mark.parametrize("name", MALFORMED)
@pytest.mark.parametrize("continuous", [True, False])
def test_what_is_no_number_a_row_is_refused_in_one_sentence(name: str, continuous: bool) -> None:
    energy, found = MALFORMED[name]
    says = rf"^forward: expected the energies \(8,\) of 8 rows, as floats; got {found}$"
    with pytest.raises(UsageError, match=says):
        check_form(Written(energy), rows(), continuous)


UNSEEN = "forward: the energy varies with y, but autograd sees no gradient; is it detached?"
DETACHED: dict[str, Callable[[Tensor], Tensor]] = {
    "the energy": lambda y: square(y).detach(),
    "the points": lambda y: square(y.detach()),
    "by way of numpy": lambda y: torch.from_numpy(y.detach().numpy() ** 2).sum(-1),
}


@pytest.mark.parametrize("name", DETACHED)
@pytest.mark.parametrize("trained", [False, True])
def test_an_energy_that_moves_with_its_points_but_not_for_autograd_is_refused(name: str, trained: bool) -> None:
    """Also where it has a gradient in its parameters: nobody could follow it down in y."""
    surface = Written(DETACHED[name])
    inner = surface.energy
    if trained:
        surface.energy = lambda y: surface.a * inner(y)
    with pytest.raises(UsageError, match=rf"^{re.escape(UNSEEN)}$"):
        check_form(surface, rows(), True)


def histogram(y: Tensor) -> Tensor:
    """-log of the share of a fixed sample in the bin of width 1/2 that a point falls into, computed by counting."""
    sample = torch.randn(5000, 2, generator=Generator().manual_seed(1))
    place, bins = (2 * y.detach()).floor().long(), (2 * sample).floor().long()
    count = (place[:, None] == bins).all(-1).sum(-1)
    return -((count + 1) / 5000).log()


ACCEPTED: dict[str, Callable[[Tensor], Tensor]] = {
    "a square": square,
    "in double precision": lambda y: square(y.double()),
    "constant": lambda y: torch.zeros(len(y)),
    "constant, of a parameter": lambda y: nn.Parameter(torch.ones(())).expand(len(y)),
    "a histogram": histogram,
    "in half precision": lambda y: square(y.half()),
    "of one coordinate": lambda y: y[:, 0].square(),
}


@pytest.mark.parametrize("name", ACCEPTED)
def test_what_is_an_energy_is_accepted(name: str) -> None:
    batch = rows(64)
    before = batch.y.clone()
    check_form(Written(ACCEPTED[name]), batch, True)
    assert torch.equal(batch.y, before)
    assert not batch.y.requires_grad


def test_a_histogram_is_accepted_for_its_steps_and_not_because_nobody_looked() -> None:
    """The same count of points, of bins so narrow that every point changes its bin when it moves a little."""

    def narrow(y: Tensor) -> Tensor:
        return (1e4 * y.detach()).floor().sum(-1)

    with pytest.raises(UsageError, match="is it detached"):
        check_form(Written(narrow), rows(64), True)


@pytest.mark.parametrize("grad", [True, False])
def test_it_is_judged_whether_or_not_autograd_is_recording(grad: bool) -> None:
    with torch.set_grad_enabled(grad):
        check_form(Written(square), rows(), True)
        with pytest.raises(UsageError, match="is it detached"):
            check_form(Written(DETACHED["the points"]), rows(), True)


@pytest.mark.parametrize("name", [*DETACHED, "a table"])
def test_bits_are_asked_for_no_gradient(name: str) -> None:
    space = Binary(3)
    table = torch.arange(8.0)
    energies = {**DETACHED, "a table": lambda y: table[space.index(y.detach())]}
    check_form(Written(energies[name]), Batch(space.support().points.float()), False)


class GivenX(Surface):
    """F(y | x) = |y - x|^2, or what it should not be."""

    def __init__(self, detached: bool = False) -> None:
        super().__init__()
        self.detached = detached

    def forward(self, y: Tensor) -> Tensor:
        x = self.context_of(len(y))
        return square(y.detach() - x if self.detached else y - x)


def test_a_conditional_energy_is_judged_with_the_context_of_each_row() -> None:
    batch = Batch(rows().y, rows().y + 2)
    check_form(GivenX(), batch, True)
    with pytest.raises(UsageError, match="is it detached"):
        check_form(GivenX(detached=True), batch, True)
    check_energies(GivenX(), batch)
    with pytest.raises(Diverged):
        check_energies(GivenX(), Batch(batch.y, batch.y + 2 * EXPLODED**0.5))


# --- finite, and not enormous ----------------------------------------------------------------------------------------

BAD = {"not a number": math.nan, "infinity": math.inf, "minus infinity": -math.inf, "enormous": 1.01 * EXPLODED}


@pytest.mark.parametrize("name", BAD)
@pytest.mark.parametrize("place", [0, 7])
def test_one_bad_energy_is_divergence(name: str, place: int) -> None:
    def energy(y: Tensor) -> Tensor:
        found = square(y)
        found[place] = BAD[name]
        return found

    with pytest.raises(Diverged, match=r"^the energy of a data point is \S+; expected at most 1e\+06$"):
        check_energies(Written(energy), rows())


@pytest.mark.parametrize("sign", [1, -1])
def test_a_large_energy_is_none(sign: float) -> None:
    check_energies(Written(lambda y: torch.full((len(y),), 0.99 * sign * EXPLODED)), rows())


def test_squared_distances_are_judged_in_the_units_of_the_data() -> None:
    """Rows in the thousands have squared distances in the millions; the same energies of rows about one explode."""
    y = torch.linspace(-1, 1, 50)[:, None].expand(50, 2)
    check_energies(Bowl(a=2.0), Batch(3000 * y))
    with pytest.raises(Diverged):
        check_energies(Bowl(a=2 * 9e6), Batch(y))


def test_it_is_the_spread_that_counts_and_not_how_far_the_data_lie_from_the_origin() -> None:
    y = 3000 + torch.linspace(-1, 1, 50)[:, None].expand(50, 2)
    with pytest.raises(Diverged):
        check_energies(Bowl(a=2.0), Batch(y))


def test_looking_leaves_no_graph() -> None:
    recorded: list[bool] = []

    def energy(y: Tensor) -> Tensor:
        recorded.append(torch.is_grad_enabled())
        return square(y)

    check_energies(Written(energy), rows())
    assert recorded == [False]
