"""What a method is: a fixed record of parameters, whether it can work on a problem at all, and what steps it."""

from __future__ import annotations

from typing import ClassVar

import pytest
import torch
from pydantic import Field, ValidationError
from torch import Generator, Tensor

from ebmbench.contracts.dataset import Batch
from ebmbench.contracts.domain import Binary, Domain, square
from ebmbench.contracts.method import DEFAULT_BATCH, Logs, Method, ReferenceMethod, Stepper
from ebmbench.contracts.problem import Problem
from ebmbench.contracts.records import DomainKind, NetConfig
from ebmbench.contracts.surface import Surface
from ebmbench.parts.gradient import GradientMethod, GradientStepper
from ebmbench.parts.shared import shared_problem
from tests.factories import Bowl


class Still(Method):
    """Says nothing beyond what it must."""

    depth: int = Field(2, ge=1)

    def build(self, problem: Problem) -> Surface:
        return Bowl()


class Bits(Still):
    works_on: ClassVar[tuple[DomainKind, ...]] = ("binary",)


class Both(Still):
    works_on: ClassVar[tuple[DomainKind, ...]] = ("continuous", "binary")


class Flat(Both):
    """Has a wish of its own: at most three coordinates."""

    def supports(self, problem: Problem) -> str | None:
        return "too many coordinates" if problem.dim > 3 else None


class Conditional(Flat):
    conditional: ClassVar[bool] = True


def problem(domain: Domain, context: Domain | None = None) -> Problem:
    return shared_problem(domain, NetConfig(features=0, width=2, depth=1), context=context)


@pytest.mark.parametrize(
    ("method", "domain", "context", "obstacle"),
    [
        (Still(), square(1), None, None),
        (Still(), Binary(3), None, "works on continuous data only"),
        (Bits(), Binary(3), None, None),
        (Bits(), square(1), None, "works on binary data only"),
        (Both(), square(1), None, None),
        (Both(), Binary(3), None, None),
        (Both(), square(1), Binary(2), "its energy takes no context x"),
        (Flat(), Binary(3), None, None),
        (Flat(), Binary(4), None, "too many coordinates"),
        (Conditional(), square(1), Binary(2), None),
        (Conditional(), square(1), None, None),
        (Conditional(), Binary(4), square(1), "too many coordinates"),
    ],
)
def test_why_a_method_cannot_work_on_a_problem(
    method: Method, domain: Domain, context: Domain | None, obstacle: str | None
) -> None:
    assert method.obstacle(problem(domain, context)) == obstacle


def test_a_method_is_its_parameters_and_they_are_fixed() -> None:
    assert Still() == Still(depth=2) != Still(depth=3)
    with pytest.raises(ValidationError, match="frozen"):
        Still().depth = 3  # type: ignore[misc]
    with pytest.raises(ValidationError, match="Extra inputs"):
        Still(width=3)  # type: ignore[call-arg]
    with pytest.raises(ValidationError, match="greater than or equal to 1"):
        Still(depth=0)


def test_a_method_that_says_no_more_goes_on_to_the_end_by_its_own_step() -> None:
    still, batch = Still(), Batch(torch.zeros(2, 2))
    surface = still.build(problem(square(1)))
    assert not still.full_batch
    assert not still.finished(surface)
    assert still.foreign_work(surface, batch) == 0
    assert type(still.stepper(surface)) is Stepper
    with pytest.raises(NotImplementedError):
        still.step(surface, batch, Generator())
    with pytest.raises(NotImplementedError):
        Method().build(problem(square(1)))


def test_a_reference_is_a_method_like_the_others() -> None:
    """It is told from them by its class alone, by which the harness gives it the truth."""

    class Floor(ReferenceMethod, Still):
        pass

    assert Floor().obstacle(problem(square(1))) is None
    assert issubclass(Floor, Method)
    assert not isinstance(Still(), ReferenceMethod)


class Center(Surface):
    """F(y) = |y - center|^2, and how many rows the center was made of."""

    center: Tensor
    rows: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("center", torch.zeros(2))
        self.register_buffer("rows", torch.zeros(()))

    def forward(self, y: Tensor) -> Tensor:
        return (y - self.center).square().sum(-1)


class RunningMean(Method):
    """The center of all rows so far."""

    most: int = 100

    def build(self, problem: Problem) -> Surface:
        return Center()

    def step(self, surface: Center, batch: Batch, rng: Generator) -> Logs:
        surface.rows.add_(len(batch))
        surface.center.lerp_(batch.y.mean(0), len(batch) / float(surface.rows))
        return {"loss": surface(batch.y).mean(), "drawn": torch.rand((), generator=rng)}

    def finished(self, surface: Center) -> bool:
        return float(surface.rows) >= self.most

    def foreign_work(self, surface: Center, batch: Batch) -> float:
        return 7.0 * len(batch)


class Batched(RunningMean):
    batch: int = 12


class WholeSet(Batched):
    full_batch: ClassVar[bool] = True


def stepper(method: Method) -> Stepper:
    return method.stepper(method.build(problem(square(5))))


@pytest.mark.parametrize(("method", "rows"), [(RunningMean(), DEFAULT_BATCH), (Batched(), 12), (WholeSet(), None)])
def test_how_many_rows_a_step_sees(method: Method, rows: int | None) -> None:
    """The field of that name, or as many as the default; all of them for a full-batch method, whatever it says."""
    assert stepper(method).batch_rows == rows


def test_a_step_is_the_methods_own() -> None:
    here, y = stepper(RunningMean()), torch.randn(30, 2, generator=Generator().manual_seed(0))
    logs = [here.step(Batch(rows), Generator().manual_seed(1), 0.0) for rows in torch.split(y, 10)]
    reached = here.eval_surface()
    assert isinstance(reached, Center)
    torch.testing.assert_close(reached.center, y.mean(0))
    assert float(logs[0]["drawn"]) == float(torch.rand((), generator=Generator().manual_seed(1)))


def test_it_is_measured_as_it_stands_and_says_what_the_method_says() -> None:
    method, surface = RunningMean(most=20), Center()
    here, batch = method.stepper(surface), Batch(torch.ones(10, 2))
    assert here.eval_surface() is surface
    assert here.foreign_work(batch) == 70.0
    here.step(batch, Generator(), 0.0)
    assert not here.finished()
    here.step(batch, Generator(), 0.5)
    assert here.finished()


def test_warming_up_does_nothing() -> None:
    here = stepper(RunningMean())
    here.warm_up(Batch(torch.ones(10, 2)), Generator())
    assert float(here.surface.get_buffer("rows")) == 0


def test_a_stepper_that_is_restored_goes_on_to_the_same_numbers() -> None:
    parts = torch.split(torch.randn(30, 2, generator=Generator().manual_seed(0)), 10)
    whole, again, forgetful = (stepper(RunningMean()) for _ in range(3))
    for rows in parts[:2]:
        whole.step(Batch(rows), Generator(), 0.0)
    again.restore({name: {key: t.clone() for key, t in part.items()} for name, part in whole.state().items()})
    for each in (whole, again, forgetful):
        each.step(Batch(parts[2]), Generator(), 0.0)
    centers = [each.surface.get_buffer("center") for each in (whole, again, forgetful)]
    assert torch.equal(centers[0], centers[1])
    assert not torch.allclose(centers[0], centers[2])


def test_a_method_with_a_loss_brings_its_own() -> None:
    surface = Center()
    found = GradientMethod(batch=3).stepper(surface)
    assert isinstance(found, GradientStepper)
    assert found.batch_rows == 3
    assert found.surface is surface
