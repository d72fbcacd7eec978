"""The loop: the budget is kept, the clock runs during steps alone, and what leaves the finite numbers is caught."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from types import SimpleNamespace

import pytest
import torch
from torch import Generator, Tensor

from ebmbench.contracts.dataset import Batch, Dataset
from ebmbench.contracts.domain import Box, square
from ebmbench.contracts.method import Logs, Method, Stepper
from ebmbench.contracts.surface import Surface
from ebmbench.suite.schema import Budget, DataRegime
from ebmbench.training import clocks
from ebmbench.training.checks import EXPLODED, Diverged
from ebmbench.training.clocks import Clock
from ebmbench.training.counting import Meter
from ebmbench.training.loop import CHUNK, Progress, train
from ebmbench.training.stream import Stream

CPU = torch.device("cpu")
UNIT = 2
"""Floating-point operations of a pass: a multiplication and an addition."""
MARKS = tuple(2.0**-k for k in range(6, 0, -1))


class Time:
    """A clock that stands still unless somebody spends time."""

    def __init__(self) -> None:
        self.now = 0.0

    def spend(self, seconds: float) -> None:
        self.now += seconds


TIME = Time()


@pytest.fixture(autouse=True)
def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    """The harness's clocks read ``TIME``."""
    TIME.now = 0.0
    monkeypatch.setattr(clocks, "time", SimpleNamespace(perf_counter=lambda: TIME.now, process_time=lambda: 0.0))
    return TIME


class Slow(Dataset):
    """Takes an hour for each block that is drawn."""

    @property
    def domain(self) -> Box:
        return square(4.0)

    def sample(self, n: int, generator: Generator) -> Batch:
        TIME.spend(3600.0)
        return Batch(torch.randn(n, 2, generator=generator))


class Bowl(Surface):
    """F(y) = a |y|^2."""

    def __init__(self) -> None:
        super().__init__()
        self.a = torch.nn.Parameter(torch.ones(()))

    def forward(self, y: Tensor) -> Tensor:
        return self.a * y.square().sum(-1)


class Fake(Stepper):
    """A method in training that takes a second a step and does the work of ``passes`` passes for each row."""

    surface: Bowl

    def __init__(
        self,
        rows: int | None = 10,
        passes: int = 0,
        last: int | None = None,
        loss: Callable[[int], float] = lambda step: 1.0,
        a: Callable[[int], float] = lambda step: 1.0,
    ) -> None:
        super().__init__(Method(), Bowl())
        self.batch_rows, self.passes, self.last, self.loss, self.a = rows, passes, last, loss, a
        self.fractions: list[float] = []
        self.batches: list[Tensor] = []

    def step(self, batch: Batch, rng: Generator, fraction: float) -> Logs:
        TIME.spend(1.0)
        torch.ones(len(batch), self.passes) @ torch.ones(self.passes, 1)  # two operations a product: ``UNIT``
        self.fractions.append(fraction)
        self.batches.append(batch.y)
        with torch.no_grad():
            self.surface.a.fill_(self.a(len(self.batches)))
        return {"loss": torch.tensor(self.loss(len(self.batches)))}

    def warm_up(self, batch: Batch, rng: Generator) -> None:
        raise AssertionError("the loop takes steps; compiling is not its business")

    def finished(self) -> bool:
        return self.last is not None and len(self.batches) >= self.last


class Outcome:
    """What a training left behind."""

    def __init__(
        self,
        fake: Fake,
        budget: Budget,
        regime: DataRegime | None = None,
        marks: Sequence[float] = MARKS,
        progress: Progress | None = None,
    ) -> None:
        self.stream = Stream(Slow(), regime or DataRegime(set=50), 0, torch.zeros(()))
        self.clock, self.rng = Clock(CPU), Generator().manual_seed(3)
        self.progress = progress or Progress(Meter(UNIT, fake.surface))
        self.milestones: list[tuple[int, float]] = []
        self.looks: list[int] = []

        def milestone(surface: Surface, progress: Progress) -> None:
            assert surface is fake.surface
            TIME.spend(600.0)
            self.milestones.append((progress.steps, progress.fraction(budget)))

        def checkpoint(progress: Progress) -> None:
            TIME.spend(60.0)
            self.looks.append(progress.steps)

        train(fake, self.stream, budget, self.rng, self.clock, self.progress, marks, milestone, checkpoint)

    @property
    def passes(self) -> float:
        return self.progress.meter.total.passes


def test_a_budget_in_steps_is_kept() -> None:
    for steps in (1, 5, CHUNK, CHUNK + 1, 100):
        fake = Fake()
        outcome = Outcome(fake, Budget(steps=steps))
        assert outcome.progress.steps == len(fake.batches) == steps
        assert outcome.progress.samples == 10 * steps


@pytest.mark.parametrize(("passes", "steps"), [(1, 1), (30, 1), (31, 2), (3000, 100), (3001, 101)])
def test_a_budget_in_passes_is_overrun_by_less_than_a_step(passes: int, steps: int) -> None:
    """Three passes a row, ten rows a step."""
    outcome = Outcome(Fake(passes=3), Budget(passes=passes))
    assert outcome.progress.steps == steps
    assert outcome.passes == 30 * steps
    assert 0 <= outcome.passes - passes < 30


def test_a_step_of_no_work_costs_a_pass_a_row() -> None:
    """A method that computes nothing must not run for ever."""
    outcome = Outcome(Fake(passes=0), Budget(passes=100))
    assert (outcome.progress.steps, outcome.passes) == (10, 100)


def test_the_schedule_is_told_what_was_spent_before_the_step() -> None:
    by_steps, by_passes = Fake(), Fake(passes=2)
    Outcome(by_steps, Budget(steps=70))
    Outcome(by_passes, Budget(passes=20 * 70))
    assert by_steps.fractions == pytest.approx([k / 70 for k in range(70)])
    assert by_passes.fractions == pytest.approx([k / 70 for k in range(70)])


def test_the_steps_read_the_stream_in_order_without_gaps() -> None:
    """Milestones break chunks off; the rows drawn ahead for the rest are read all the same."""
    fake = Fake()
    outcome = Outcome(fake, Budget(steps=100))
    assert len(outcome.milestones) == len(MARKS)
    assert torch.equal(torch.cat(fake.batches), outcome.stream.batch(0, 1000).y)


def test_milestones_lie_at_their_fractions() -> None:
    outcome = Outcome(Fake(), Budget(steps=640))
    assert outcome.milestones == [(10, 1 / 64), (20, 1 / 32), (40, 1 / 16), (80, 1 / 8), (160, 1 / 4), (320, 1 / 2)]


def test_milestones_are_at_the_first_step_at_or_after_their_fraction() -> None:
    outcome = Outcome(Fake(), Budget(steps=100))
    assert [step for step, _ in outcome.milestones] == [math.ceil(100 * mark) for mark in MARKS]


def test_a_step_that_passes_several_milestones_is_measured_once() -> None:
    outcome = Outcome(Fake(), Budget(steps=5))
    assert [step for step, _ in outcome.milestones] == [1, 2, 3]


def test_a_full_batch_method_sees_the_whole_set_and_stops_when_it_has_finished() -> None:
    fake = Fake(rows=None, last=7)
    outcome = Outcome(fake, Budget(steps=1000))
    assert outcome.progress.steps == 7
    assert all(torch.equal(batch, outcome.stream.training_set().y) for batch in fake.batches)
    assert outcome.progress.samples == outcome.passes == 7 * 50


def test_a_full_batch_method_that_has_not_finished_stops_with_the_budget() -> None:
    outcome = Outcome(Fake(rows=None, last=1000), Budget(passes=50 * 6))
    assert outcome.progress.steps == 6


def test_a_method_that_has_finished_before_it_began_takes_no_step() -> None:
    outcome = Outcome(Fake(rows=None, last=0), Budget(steps=5))
    assert outcome.progress.steps == 0
    assert outcome.milestones == []


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_a_loss_that_is_not_finite_is_divergence(bad: float) -> None:
    with pytest.raises(Diverged, match=r"loss is -?(nan|inf) at step \d+"):
        Outcome(Fake(loss=lambda step: bad if step >= 3 else 1.0), Budget(steps=100))


def test_divergence_is_noticed_soon() -> None:
    """Not at the end of the budget: within one chunk of steps."""
    fake = Fake(loss=lambda step: math.nan if step >= 60 else 1.0)
    with pytest.raises(Diverged):
        Outcome(fake, Budget(steps=10_000))
    assert len(fake.batches) < 60 + CHUNK


@pytest.mark.parametrize("a", [10 * EXPLODED, math.nan, -math.inf])
def test_an_energy_that_explodes_is_divergence(a: float) -> None:
    with pytest.raises(Diverged, match="energy of a data point"):
        Outcome(Fake(a=lambda step: a), Budget(steps=100))


def test_a_large_energy_is_no_divergence() -> None:
    outcome = Outcome(Fake(a=lambda step: EXPLODED / 1000), Budget(steps=100))
    assert outcome.progress.steps == 100


def test_drawing_data_and_milestones_are_off_the_clock() -> None:
    """A step takes a second, a block of data an hour, a milestone ten minutes, a checkpoint one: only steps count."""
    outcome = Outcome(Fake(), Budget(steps=100))
    assert outcome.clock.seconds == pytest.approx(100.0)
    assert TIME.now >= 100.0 + 3600.0 + 600.0 * len(MARKS) + 60.0 * len(outcome.looks)


def test_drawing_a_fixed_set_is_off_the_clock_too() -> None:
    outcome = Outcome(Fake(), Budget(steps=40), DataRegime(train=30))
    assert outcome.clock.seconds == pytest.approx(40.0)
    assert TIME.now >= 40.0 + 3600.0


def test_the_clock_stops_when_a_step_raises() -> None:
    def explode(step: int) -> float:
        raise ZeroDivisionError

    fake, clock = Fake(loss=explode), Clock(CPU)
    stream = Stream(Slow(), DataRegime(set=50), 0, torch.zeros(()))
    progress = Progress(Meter(UNIT, fake.surface))
    with pytest.raises(ZeroDivisionError):
        train(fake, stream, Budget(steps=5), Generator(), clock, progress, (), lambda surface, progress: None)
    TIME.spend(100.0)
    assert clock.seconds == pytest.approx(1.0)


@pytest.mark.parametrize("drawn", [32, 64])
def test_a_measurement_does_not_use_the_methods_randomness(drawn: int) -> None:
    """The generator that a method draws from is handed to it alone."""
    outcome = Outcome(Fake(), Budget(steps=drawn))
    assert torch.equal(torch.rand(3, generator=outcome.rng), torch.rand(3, generator=Generator().manual_seed(3)))


def test_a_checkpoint_comes_after_each_chunk_and_each_milestone() -> None:
    outcome = Outcome(Fake(), Budget(steps=100), marks=(0.4, 0.8))
    assert outcome.looks == [32, 40, 72, 80, 100]


def test_a_training_that_was_cut_takes_the_steps_and_milestones_that_are_left() -> None:
    budget, marks = Budget(steps=100), (0.2, 0.4, 0.8)
    whole, cut = Fake(), Fake()
    expected = Outcome(whole, budget, marks=marks)
    progress = Outcome(cut, Budget(steps=40), marks=()).progress
    cut.batches.clear()
    cut.fractions.clear()
    outcome = Outcome(cut, budget, marks=marks, progress=progress)
    assert (progress.steps, progress.samples) == (100, 1000)
    assert outcome.milestones == expected.milestones[2:]
    assert torch.equal(torch.cat(cut.batches), torch.cat(whole.batches)[400:])
    assert cut.fractions == whole.fractions[40:]
