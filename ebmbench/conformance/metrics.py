"""The contract of a metric: what the truth itself reads, which way is better, and no error where it does not apply."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from statistics import median
from typing import Any

import torch
from torch import Generator, Tensor

from ebmbench.conformance.findings import Check, Checked, Finding, carried_out, line_of
from ebmbench.conformance.surroundings import NUMBERS, SETTINGS
from ebmbench.contracts.dataset import Batch, Dataset
from ebmbench.contracts.domain import Domain
from ebmbench.contracts.records import EnergyKind, MetricSpec, Protocol
from ebmbench.contracts.surface import Surface
from ebmbench.datasets.binary import BoltzmannMachine
from ebmbench.datasets.plane import Moons
from ebmbench.metrics.evaluate import evaluate
from ebmbench.metrics.evaluation import Evaluation
from ebmbench.store.records import Value
from ebmbench.training.seeding import generator
from ebmbench.truth.knowledge import truth_of
from ebmbench.truth.truth import Truth

CELLS, POINTS = 200, 2000
NEAR = 0.1
"""How far the truth may be from its own value, as a share of how far a wrong surface is; half of it in any case, as
samples scatter."""


class Rows(Dataset):
    """Moons of which nobody knows the law."""

    @property
    def domain(self) -> Domain:
        """Theirs."""
        return Moons().domain

    @property
    def has_density(self) -> bool:
        """Not to be known."""
        return False

    def sample(self, n: int, generator: Generator) -> Batch:
        """Theirs."""
        return Moons().sample(n, generator)


@dataclass(frozen=True)
class Wrong:
    """What is wrong with a surface: its place, its scale, its constant, or that it is bumpy."""

    moved: float = 0.0
    factor: float = 1.0
    constant: float = 0.0
    bumps: float = 0.0


RIGHT = Wrong()
WRONG = (Wrong(moved=0.7, factor=1.4, constant=0.5), Wrong(factor=0.2, constant=1.0), Wrong(bumps=2.0))
"""Every metric sees one of these at least."""


class Exact(Surface):
    """-log p, but for what is wrong with it."""

    def __init__(self, dataset: Dataset, wrong: Wrong) -> None:
        super().__init__()
        self.dataset, self.wrong = dataset, wrong

    def forward(self, y: Tensor) -> Tensor:
        """(B, d) -> (B,)."""
        points = y.double() + self.wrong.moved
        if self.dataset.domain.kind == "binary":
            points = 1 - y.double() if self.wrong.moved else y.double()
        bumps = self.wrong.bumps * torch.sin(4 * math.pi * y.double()).sum(-1)
        return bumps + self.wrong.constant - self.wrong.factor * self.dataset.log_prob(points)

    def sample(self, n: int, generator: Generator) -> Tensor:
        """The dataset's, moved."""
        return self.dataset.sample(n, generator).y - self.wrong.moved

    @property
    def smoothing(self) -> float | None:
        """No noise at all."""
        return 0.0


@dataclass(frozen=True)
class Measure:
    """A metric, and what it is asked of."""

    spec: MetricSpec
    target: Callable[[Any], float]

    def values(self, dataset: Dataset, kind: EnergyKind, wrong: Wrong = RIGHT) -> list[Value]:
        """All its variants, of the truth or of a surface that is wrong."""
        return evaluate(_evaluation(dataset, kind, wrong), [(self.spec, "")])

    @cached_property
    def truth(self) -> dict[str, Value]:
        """Of the truth on moons, by variant."""
        return {value.variant: value for value in self.values(MOONS, self.kind)}

    @property
    def kind(self) -> EnergyKind:
        """A kind that it applies to: the one that says most."""
        return next(kind for kind in EnergyKind if kind in self.spec.kinds)


MOONS, BITS, ROWS = Moons(), BoltzmannMachine(units=6), Rows()


def _evaluation(dataset: Dataset, kind: EnergyKind, wrong: Wrong) -> Evaluation:
    known = MOONS if dataset is ROWS else dataset
    surface = Exact(known, wrong)
    validation, test = (dataset.sample(POINTS, generator(name)) for name in ("validation", "test"))
    return Evaluation(
        surface,
        _truth(dataset),
        kind,
        validation,
        test,
        0,
        torch.zeros(()).double(),
        Protocol(lattice=CELLS, samples=POINTS),
    )


@cache
def _truth(dataset: Dataset) -> Truth:
    return truth_of(dataset, CELLS, 0)


def record(measure: Measure) -> Iterator[Finding]:
    """The record says what it is."""
    if not measure.spec.summary.strip():
        yield Finding("record", "a summary in its MetricSpec", "none", "", line_of(measure.target))
    if not measure.spec.kinds:
        cause = "kinds=frozenset(EnergyKind) for all of them"
        yield Finding("record", "kinds of energies that it applies to", "none", cause, line_of(measure.target))


def number(measure: Measure) -> Iterator[Finding]:
    """A number of the truth on moons, the same each time; or a reason why there is none."""
    assert measure.truth  # what is imported now may do as it likes
    before = {name: get() for name, get in (NUMBERS | SETTINGS).items()}
    again = {value.variant: value for value in measure.values(MOONS, measure.kind)}
    where = line_of(measure.target)
    changed = [name for name, get in (NUMBERS | SETTINGS).items() if get() != before[name]]
    if changed:
        yield Finding("number", f"{changed[0]} to stay as it is", "another", "it belongs to the whole process", where)
    for variant, value in measure.truth.items():
        name = f" ({variant})" if variant else ""
        if value.note.startswith("error"):
            yield Finding("number", f"a number{name}", value.note, "raise NotApplicable where there is none", where)
        elif value.value is None and "not a number" in value.note:
            cause = "raise NotApplicable(reason) where there is none"
            yield Finding("number", f"a number{name}", "NaN", cause, where)
        elif value.value != again[variant].value:
            cause = "numbers from a generator of its own: use the evaluation's seed"
            yield Finding(
                "number", f"the same number each time{name}", f"{value.value} and {again[variant].value}", cause, where
            )


def elsewhere(measure: Measure) -> Iterator[Finding]:
    """On bits, on rows whose law is unknown, and for every kind of energy: a number or a reason, never an error."""
    for dataset, title in ((BITS, "bits"), (ROWS, "rows of unknown law"), (MOONS, "the plane")):
        for kind in EnergyKind:
            for value in measure.values(dataset, kind):
                if value.note.startswith("error"):
                    cause = "raise NotApplicable(reason): what does not apply is n/a, and says why"
                    seen = f"{value.note} for a {kind} energy on {title}"
                    yield Finding("elsewhere", "a number or NotApplicable", seen, cause, line_of(measure.target))
                    return


def direction(measure: Measure) -> Iterator[Finding]:
    """The truth is better than one of the wrong surfaces at least, and near its own value if it has one."""
    spec, where = measure.spec, line_of(measure.target)
    if spec.direction == "none":
        return
    others: dict[str, list[float]] = {variant: [] for variant in measure.truth}
    for wrong in WRONG:
        for value in measure.values(MOONS, measure.kind, wrong):
            if value.value is not None:
                others[value.variant].append(value.value)
    for variant, value in measure.truth.items():
        true, worse = value.value, others[variant]
        if true is None or not worse:
            continue
        seen = f"{true:.4g} for the truth, {worse[0]:.4g} for a wrong surface"
        if all(_loss(spec, number) < _loss(spec, true) for number in worse):
            cause = "direction is the other way"
            yield Finding("direction", f"the truth to be better ({spec.direction})", seen, cause, where)
        elif spec.best is not None:
            far = median(abs(number - spec.best) for number in worse)
            if abs(true - spec.best) > NEAR * far + NEAR / 2:
                yield Finding("direction", f"{spec.best:g} for the truth, as its record says", seen, "", where)


def _loss(spec: MetricSpec, number: float) -> float:
    by = {"up": -number, "down": number, "one": abs(number - 1), "zero": abs(number)}
    return by[spec.direction]


CHECKS: Mapping[str, Check[Measure]] = {
    "record": record,
    "number": number,
    "elsewhere": elsewhere,
    "direction": direction,
}


def checked(spec: MetricSpec, target: Callable[[Any], float]) -> Checked:
    """What is to be said of a metric."""
    return carried_out(spec.name, "metric", Measure(spec, target), CHECKS, target, frozenset({"record"}))
