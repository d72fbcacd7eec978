"""What is charged is what was computed: against formulas written by hand from the sizes of nets and batches."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from functools import cached_property

import pytest
import torch
from torch import Generator, Tensor, nn

from ebmbench.contracts.dataset import Batch
from ebmbench.contracts.domain import Binary, Box, Domain, square
from ebmbench.contracts.method import Logs, Method
from ebmbench.contracts.problem import Problem
from ebmbench.contracts.records import NetConfig
from ebmbench.contracts.surface import Surface, input_gradient
from ebmbench.parts.energies import EnergySurface
from ebmbench.parts.gradient import GradientMethod
from ebmbench.suite.schema import Budget, DataRegime
from ebmbench.training.clocks import Clock
from ebmbench.training.counting import WINDOW, Costs, Meter, WorkCounter, pass_flops, window_start
from ebmbench.training.loop import Progress, train
from ebmbench.training.stream import Stream
from ebmbench_plugins.c2_chosen_points.cnce import CNCE
from tests.charges import ENERGY, TRAINED, Net, by_hand, charged, unit_of
from tests.factories import Normal, make_problem

PLANE_UNIT = pass_flops(square(4), NetConfig())


@pytest.mark.long
@pytest.mark.parametrize("name", TRAINED)
def test_a_step_is_charged_what_its_formula_says(name: str) -> None:
    found, rows = charged(name)
    assert found.flops == pytest.approx(by_hand(name), rel=0.02)
    assert found.passes == pytest.approx(max(by_hand(name) / unit_of(name), rows), rel=0.02)


@pytest.mark.long
@pytest.mark.parametrize("name", TRAINED)
def test_nobody_pays_less_than_a_pass_for_each_row_of_data(name: str) -> None:
    found, rows = charged(name)
    assert found.passes >= rows


# --- a pass ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("domain", "config"),
    [
        (square(4), NetConfig()),
        (square(4), NetConfig(features=0, depth=1, width=7)),
        (Box((-1.0,) * 5, (1.0,) * 5), NetConfig(features=12, scales=(1.0, 2.0, 4.0), width=20, depth=3)),
        (Binary(6), NetConfig()),
        (Binary(9), NetConfig(width=33, depth=3)),
    ],
)
def test_a_pass_is_the_work_of_one_row_through_the_shared_energy_net(domain: Domain, config: NetConfig) -> None:
    net, point = make_problem(domain, config).energy_net(), torch.zeros(1, domain.dim)
    with torch.no_grad(), WorkCounter() as counter:
        net(point)
    features = 0 if domain.kind == "binary" else config.features
    by_hand = Net(domain.dim, 1, features, config.width, config.depth).forward
    assert pass_flops(domain, config) == counter.flops == by_hand


# --- the counter -----------------------------------------------------------------------------------------------------

A, B, V = torch.ones(8, 4), torch.ones(4, 2), torch.ones(4)
STACK = torch.ones(3, 4, 2)
IMAGE, KERNEL = torch.ones(3, 4, 10), torch.ones(5, 4, 3)
HEADS = torch.ones(1, 2, 6, 4)
PRODUCTS: dict[str, tuple[Callable[[], Tensor], int]] = {
    "a matrix product": (lambda: A @ B, 2 * 8 * 4 * 2),
    "a layer": (lambda: nn.functional.linear(A, B.T, torch.ones(2)), 2 * 8 * 4 * 2),
    "of a stack": (lambda: A @ STACK, 3 * 2 * 8 * 4 * 2),
    "a layer of a stack": (lambda: nn.functional.linear(torch.ones(3, 8, 4), B.T), 3 * 2 * 8 * 4 * 2),
    "by indices": (lambda: torch.einsum("ij,kjl->ikl", A, STACK), 3 * 2 * 8 * 4 * 2),
    "with a vector": (lambda: A @ V, 2 * 8 * 4),
    "with a vector, added": (lambda: torch.addmv(torch.ones(8), A, V), 2 * 8 * 4),
    "of two vectors": (lambda: V @ V, 2 * 4),
    "a convolution": (lambda: nn.functional.conv1d(IMAGE, KERNEL), 2 * 3 * 5 * 8 * 4 * 3),
    "attention": (lambda: nn.functional.scaled_dot_product_attention(HEADS, HEADS, HEADS), 2 * 2 * 2 * 6 * 6 * 4),
    "in double precision": (lambda: A.double() @ B.double(), 2 * 8 * 4 * 2),
    "mapped": (lambda: torch.func.vmap(lambda row: row @ B)(A), 2 * 8 * 4 * 2),
    "no product": (lambda: A.exp() * 2 + A.sum(), 0),
}


@pytest.mark.parametrize("name", PRODUCTS)
def test_every_product_is_counted_however_it_is_written(name: str) -> None:
    compute, flops = PRODUCTS[name]
    with WorkCounter() as counter:
        compute()
    assert counter.flops == flops


def test_each_call_and_each_number_that_it_returns_is_counted() -> None:
    with WorkCounter() as counter:
        (A.exp() * 2).sum()
    assert (counter.operations, counter.elements) == (3, 32 + 32 + 1)


def test_what_is_outside_is_not_counted() -> None:
    with WorkCounter() as counter:
        A @ B
    before = (counter.flops, counter.operations, counter.elements)
    A @ B
    assert (counter.flops, counter.operations, counter.elements) == before


# --- a net of one's own ----------------------------------------------------------------------------------------------


class OwnLayers(nn.Module):
    """The layers of the shared net, written by somebody who has not seen it."""

    waves: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("waves", torch.randn(2, 64))
        self.layers = nn.Sequential(nn.Linear(130, 128), nn.Tanh(), nn.Linear(128, 128), nn.Tanh(), nn.Linear(128, 1))

    def forward(self, y: Tensor) -> Tensor:
        phase = torch.einsum("bd,df->bf", y, self.waves)
        energy: Tensor = self.layers(torch.cat([phase.cos(), y, phase.sin()], -1))
        return energy


class OwnSurface(Surface):
    """No part of it is one of ours."""

    def __init__(self, problem: Problem) -> None:
        super().__init__()
        self.own = OwnLayers()
        self.register_buffer("std", problem.std.clone())

    def forward(self, y: Tensor) -> Tensor:
        energy: Tensor = self.own(y)[:, 0]
        return energy


class OwnCNCE(CNCE):
    def build(self, problem: Problem) -> Surface:
        return OwnSurface(problem)


class OwnGradients(GradientMethod):
    """A loss on the input gradient of a net that has none written out: a double backward."""

    def build(self, problem: Problem) -> Surface:
        return OwnSurface(problem)

    def loss(self, surface: OwnSurface, batch: Batch, rng: Generator) -> Tensor:
        return surface.with_gradient(batch.y)[1].square().sum(-1).mean()


def spent(method: Method, steps: int = 1, surface: Surface | None = None, unit: int = PLANE_UNIT) -> Costs:
    """What so many steps of a method on normal data are charged."""
    surface = surface or method.build(make_problem(square(5)))
    stepper, meter = method.stepper(surface), Meter(unit, surface)
    budget, stream = Budget(steps=steps), Stream(Normal(), DataRegime(set=50), 0, torch.zeros(()))
    clock, rng = Clock(torch.device("cpu")), Generator().manual_seed(0)
    train(stepper, stream, budget, rng, clock, Progress(meter), (), lambda surface, progress: None)
    return meter.total


def test_a_net_of_ones_own_is_charged_like_the_shared_one() -> None:
    own, shared = spent(OwnCNCE()), spent(CNCE())
    assert own.passes == pytest.approx(shared.passes, rel=0.02)
    assert own.flops == pytest.approx(5 * 256 * ENERGY.trained, rel=0.02)
    assert (own.energy_rows, own.gradient_rows) == (shared.energy_rows, shared.gradient_rows) == (5 * 256, 0)


def test_a_double_backward_is_charged_what_it_costs() -> None:
    """Forth; back to the points; then back through both: more than the derivative that is written out."""
    found, n = spent(OwnGradients()), ENERGY
    forth_and_back = 2 * n.forward
    through_back = n.phase + 2 * (n.first + n.rest) + n.last
    through_forth = n.phase + 2 * (n.first + n.rest)
    assert found.flops == pytest.approx(256 * (forth_and_back + through_back + through_forth), rel=0.02)
    assert found.flops > 256 * n.gradient_trained
    assert (found.energy_rows, found.gradient_rows) == (256, 256)


# --- rows through energies -------------------------------------------------------------------------------------------


def counted_rows(surface: Surface, work: Callable[[], object]) -> tuple[float, float]:
    meter = Meter(1, surface)
    with meter.step(0, 0, lambda: 0.0):
        work()
    return meter.total.energy_rows, meter.total.gradient_rows


def test_rows_are_counted_at_the_outermost_energy_and_once() -> None:
    surface, y = EnergySurface(make_problem(square(5)).energy_net()), torch.zeros(10, 2)
    v = torch.ones(10, 1, 2)
    assert counted_rows(surface, lambda: surface(y)) == (10, 0)
    assert counted_rows(surface, lambda: surface.net(y)) == (10, 0)
    assert counted_rows(surface, lambda: surface.with_gradient(y)) == (10, 10)
    assert counted_rows(surface, lambda: surface.with_curvature(y, v)) == (10, 10)
    assert counted_rows(surface, lambda: surface.with_laplacian(y)) == (10, 10)
    assert counted_rows(surface, lambda: input_gradient(surface, y)) == (10, 10)
    assert counted_rows(surface, lambda: (surface(y), surface(y[:3]), surface.net.with_gradient(y[:4]))) == (17, 4)


def test_the_rows_of_a_net_of_ones_own_are_counted_at_its_surface() -> None:
    surface, y = OwnSurface(make_problem(square(5))), torch.zeros(10, 2)
    assert counted_rows(surface, lambda: surface(y)) == (10, 0)
    assert counted_rows(surface, lambda: surface.with_gradient(y)) == (10, 10)
    assert counted_rows(surface, lambda: surface.own(y)) == (0, 0)


class GivenX(Surface):
    """F(y | x) = |y - x|^2."""

    def forward(self, y: Tensor) -> Tensor:
        return (y - self.context_of(len(y))).square().sum(-1)


def test_rows_of_a_conditional_energy_are_counted_when_its_context_is_bound() -> None:
    surface, y = GivenX(), torch.zeros(10, 2)
    assert counted_rows(surface, lambda: surface.given(y)(y)) == (10, 0)
    assert counted_rows(surface, lambda: surface.given(y).with_gradient(torch.cat([y, y]))) == (20, 20)


def test_after_the_step_the_surface_is_what_it_was() -> None:
    """Also when the step raises: nothing of the counting is left in it."""
    surface, y = EnergySurface(make_problem(square(5)).energy_net()), torch.zeros(10, 2)
    before = [set(vars(module)) for module in surface.modules()]

    def explode() -> None:
        surface(y)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        counted_rows(surface, explode)
    counted_rows(surface, lambda: surface(y))
    assert [set(vars(module)) for module in surface.modules()] == before
    assert counted_rows(surface, lambda: surface(y)) == (10, 0)


# --- steps that are not all alike ------------------------------------------------------------------------------------


class Blank(Surface):
    def forward(self, y: Tensor) -> Tensor:
        return y.square().sum(-1)


class Uneven(Method):
    """A step does the work of a pass a row, and ``extra`` more in each ``every``-th; the unit is two operations."""

    batch: int = 10
    every: int = 5
    phase: int = 0
    extra: int = 0
    foreign: float = 0.0

    def step(self, surface: Surface, batch: Batch, rng: Generator) -> Logs:
        taken = next(self.steps)
        heavy = taken % self.every == self.phase
        inner = 1 + (self.extra if heavy else 0)
        torch.ones(len(batch), inner) @ torch.ones(inner, 1)
        return {}

    def foreign_work(self, surface: Surface, batch: Batch) -> float:
        return self.foreign

    @cached_property
    def steps(self) -> Iterator[int]:
        return itertools.count()


@pytest.mark.parametrize(("every", "phase"), [(every, phase) for every in (2, 5) for phase in range(every)])
def test_a_method_whose_every_second_or_fifth_step_does_more_is_charged_right(every: int, phase: int) -> None:
    """Within 2 % over a hundred steps of which seven tenths are not counted one by one."""
    found = spent(Uneven(every=every, phase=phase, extra=4), 100, Blank(), unit=2)
    heavy = len(range(phase, 100, every))
    assert found.passes == pytest.approx(10 * (100 + 4 * heavy), rel=0.02)


def test_what_only_the_first_step_does_is_charged_once() -> None:
    found = spent(Uneven(every=10**6, extra=500), 60, Blank(), unit=2)
    assert found.passes == pytest.approx(10 * (60 + 500))


def test_work_that_grows_while_it_is_trained_is_charged_from_the_next_window_on() -> None:
    """The window at step 64 sees what a step costs then."""

    class Growing(Uneven):
        def step(self, surface: Surface, batch: Batch, rng: Generator) -> Logs:
            inner = 1 if next(self.steps) < 50 else 3
            torch.ones(len(batch), inner) @ torch.ones(inner, 1)
            return {}

    meter_at_64, at_200 = (spent(Growing(), steps, Blank(), unit=2).passes for steps in (64, 200))
    assert meter_at_64 == pytest.approx(10 * 64)
    assert at_200 == pytest.approx(10 * (64 + 3 * 136))


def test_windows_begin_at_the_first_step_and_at_each_power_of_four_from_64_on() -> None:
    begins = [index for index in range(20_000) if window_start(index) == index]
    assert begins == [0, 64, 256, 1024, 4096, 16384]
    for begin in begins[1:]:
        inside = [window_start(begin + k) for k in range(WINDOW + 1)]
        assert inside == [begin] * WINDOW + [None]


@pytest.mark.parametrize("foreign", [0.0, 30.0, 1e4])
def test_work_outside_torch_is_charged(foreign: float) -> None:
    """Beside what torch did; below the row's own pass it makes no difference to what is paid."""
    found = spent(Uneven(foreign=foreign), 100, Blank(), unit=2)
    assert found.flops == pytest.approx(100 * (20 + foreign))
    assert found.passes == pytest.approx(100 * max((20 + foreign) / 2, 10))


def test_a_step_that_computes_nothing_is_charged_its_rows() -> None:
    found = spent(Uneven(batch=7), 50, Blank(), unit=10**6)
    assert found.passes == pytest.approx(50 * 7)


# --- the same again --------------------------------------------------------------------------------------------------

METHOD = CNCE(batch=16, pairs=1)
SMALL = make_problem(square(5), NetConfig(features=4, scales=(1.0,), width=4, depth=1))


@pytest.mark.long
def test_equal_runs_are_charged_equally() -> None:
    """To the last digit, and so they take the same number of steps."""
    runs = [spent(METHOD, 80, METHOD.build(SMALL)) for _ in range(2)]
    assert runs[0] == runs[1]
    assert spent(METHOD, 81, METHOD.build(SMALL)) != runs[0]


CUTS = (1, 2, 5, WINDOW - 1, WINDOW, WINDOW + 1, 40, 63, 64, 65, 68, 73, 74, 90)
"""Within a window, between windows, and at the first and last step of each."""


def meter_after(method: Uneven, steps: int, cut: int | None = None) -> Meter:
    """The meter of so many steps, through a fresh one and what a snapshot keeps when it is cut."""
    surface, batch, rng = Blank(), Batch(torch.zeros(10, 2)), Generator()
    meter = Meter(3, surface)
    for step in range(steps):
        if step == cut:
            held = meter.state()
            meter = Meter(3, surface)
            meter.restore(held)
        with meter.step(step, len(batch), lambda: 0.1):
            method.step(surface, batch, rng)
    return meter


@pytest.mark.parametrize("cut", CUTS)
def test_a_training_that_was_cut_is_charged_the_same_to_the_last_digit(cut: int) -> None:
    whole, gone_on = (meter_after(Uneven(every=3, extra=4), 100, at) for at in (None, cut))
    assert gone_on.state() == whole.state()
    assert gone_on.total == whole.total
    forgotten = meter_after(Uneven(every=3, extra=4), 100 - cut)
    assert forgotten.total != whole.total
