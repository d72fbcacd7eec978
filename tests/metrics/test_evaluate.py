"""Applying metrics: what does not apply says why, and what raises spoils nothing else."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from ebmbench.contracts.records import EnergyKind, MetricSpec
from ebmbench.datasets.plane import EightGaussians
from ebmbench.errors import NotApplicable
from ebmbench.metrics import ebmbench_metrics
from ebmbench.metrics.context import EvalContext
from ebmbench.metrics.evaluate import evaluate
from ebmbench.metrics.evaluation import Evaluation
from ebmbench.metrics.surface import divergence
from ebmbench.store.records import Measurements, Value
from tests.factories import Bowl, Normal, make_evaluation

ALL = frozenset(EnergyKind)
BUILT_IN = list(ebmbench_metrics())


def held(kind: EnergyKind, a: float = 1.0) -> Evaluation:
    like = torch.zeros((), dtype=torch.float32)
    return make_evaluation(Bowl(a), EightGaussians(), cells=40, kind=kind, n=300, seed=3, like=like)


def metric(
    name: str,
    target: Callable[[Any], Any] | str,
    kinds: frozenset[EnergyKind] = ALL,
    variants: tuple[str, ...] = ("",),
) -> MetricSpec:
    return MetricSpec(name, target, "a metric", "", "down", kinds, variants)


def by_name(values: list[Value]) -> dict[tuple[str, str], Value]:
    return {(value.metric, value.variant): value for value in values}


def of_all(a: float) -> dict[tuple[str, str], Value]:
    """Every built-in metric of a bowl that steep."""
    return by_name(evaluate(held(EnergyKind.DENSITY, a), [(spec, "tests") for spec in BUILT_IN]))


def measure(kind: EnergyKind, *specs: MetricSpec) -> dict[tuple[str, str], Value]:
    values = evaluate(held(kind), [(spec, "tests") for spec in specs])
    assert len(values) == sum(len(spec.variants) for spec in specs)
    return by_name(values)


def test_a_number_is_a_value_without_a_note() -> None:
    found = measure(EnergyKind.DENSITY, metric("two", lambda c: 2), metric("tensor", lambda c: torch.tensor(1.5)))
    assert found["two", ""] == Value(metric="two", value=2.0)
    assert found["tensor", ""] == Value(metric="tensor", value=1.5)


def test_each_variant_is_computed_through_its_own_context() -> None:
    def seen(c: EvalContext) -> float:
        return {"raw": 1.0, "beta": 2.0, "iso": 3.0}[c.variant]

    found = measure(EnergyKind.DENSITY, metric("seen", seen, variants=("raw", "beta", "iso")))
    assert {variant: value.value for (_, variant), value in found.items()} == {"raw": 1, "beta": 2, "iso": 3}


def test_a_metric_that_raises_is_its_own_row() -> None:
    def broken(c: EvalContext) -> float:
        raise RuntimeError("no luck\nand a second line")

    found = measure(EnergyKind.DENSITY, metric("before", lambda c: 1), metric("broken", broken), metric("after", len))
    assert found["before", ""].value == 1
    assert found["broken", ""].value is None
    assert found["broken", ""].note == "error: RuntimeError: no luck and a second line"
    assert found["after", ""].note.startswith("error: TypeError")


def test_one_variant_that_raises_does_not_spoil_the_others() -> None:
    def moody(c: EvalContext) -> float:
        if c.variant == "beta":
            raise ZeroDivisionError("moody")
        return 4.0

    found = measure(EnergyKind.DENSITY, metric("moody", moody, variants=("raw", "beta", "iso")))
    assert found["moody", "beta"].note == "error: ZeroDivisionError: moody"
    assert found["moody", "raw"].value == found["moody", "iso"].value == 4


def test_a_metric_that_cannot_be_imported_is_its_own_row() -> None:
    found = measure(EnergyKind.DENSITY, metric("gone", "ebmbench.metrics.nowhere:gone"), metric("here", lambda c: 1))
    assert found["gone", ""].note.startswith("error: UsageError: ebmbench.metrics.nowhere:gone of tests")
    assert found["here", ""].value == 1


def test_not_applicable_gives_the_reason() -> None:
    def shy(c: EvalContext) -> float:
        raise NotApplicable("it is raining")

    assert measure(EnergyKind.DENSITY, metric("shy", shy))["shy", ""].note == "n/a: it is raining"


def test_a_kind_that_a_metric_is_not_for_gives_the_reason() -> None:
    spec = metric("picky", lambda c: 1, kinds=frozenset({EnergyKind.NORMALIZED}))
    assert measure(EnergyKind.SMOOTHED, spec)["picky", ""].note == "n/a: not for smoothed energies"
    assert measure(EnergyKind.NORMALIZED, spec)["picky", ""].value == 1


def test_the_raw_scale_of_a_ranking_energy_means_nothing() -> None:
    spec = metric("scaled", lambda c: 1, variants=("raw", "beta", "iso"))
    found = measure(EnergyKind.RANKING, spec)
    assert found["scaled", "raw"].value is None
    assert found["scaled", "raw"].note.startswith("n/a: the scale of a ranking energy means nothing")
    assert found["scaled", "beta"].value == found["scaled", "iso"].value == 1
    assert measure(EnergyKind.DENSITY, spec)["scaled", "raw"].value == 1


def test_not_a_number_is_not_applicable() -> None:
    value = measure(EnergyKind.DENSITY, metric("nan", lambda c: math.nan))["nan", ""]
    assert value.value is None
    assert value.note == "n/a: the value is not a number"


def test_an_infinite_value_survives_being_written() -> None:
    """A KL may be infinite; read back, the row must hold the value or say why it does not."""
    value = measure(EnergyKind.DENSITY, metric("far", lambda c: math.inf))["far", ""]
    written = Measurements(values=(value,), code={}, eval_seconds=0).model_dump_json()
    (again,) = Measurements.model_validate_json(written).values
    assert again.value == math.inf or again.note


@pytest.mark.long
@pytest.mark.parametrize("kind", list(EnergyKind))
def test_every_built_in_metric_gives_a_number_or_a_reason(kind: EnergyKind) -> None:
    found = measure(kind, *BUILT_IN)
    for value in found.values():
        assert value.value is not None or value.note, value
        assert not value.note.startswith("error"), value
    assert found["mmd2", "native"].note == "n/a: the method has no sampler of its own"
    assert (found["kl", "raw"].value is None) is (kind is EnergyKind.RANKING)
    assert (found["mass_outside", "raw"].value is None) is (kind is EnergyKind.RANKING)
    assert (found["log_z_error", "raw"].value is None) is (kind is not EnergyKind.NORMALIZED)
    assert found["kl", "beta"].value is not None
    assert found["skill", ""].value is not None


def test_a_constant_energy_gives_reasons_and_its_order_a_half() -> None:
    """No temperature, no density, no sample, no skill; AUROC is 1/2; nothing is an error, and nothing at its best."""
    found = of_all(0.0)
    no_fit = "n/a: no temperature fits: the energy is constant"
    for name in (("beta", ""), ("kl", "beta"), ("kl_reverse", "beta"), ("tv", "beta"), ("mmd2", "common")):
        assert (found[name].value, found[name].note) == (None, no_fit), name
    assert found["kl", "raw"].value == found["nll", "raw"].value == math.inf
    assert found["kl", "raw"].note.startswith("not normalizable: 75 % of the mass lies 32 to 64 times")
    assert found["kl_reverse", "raw"].value is None
    assert found["skill", ""].value == -1
    assert found["auroc", ""].value == pytest.approx(0.5)


class Walled(Bowl):
    """The true energy of N(0, I), but infinite beyond a radius."""

    def __init__(self, radius: float) -> None:
        super().__init__()
        self.radius = radius

    def forward(self, y: Tensor) -> Tensor:
        return torch.where(y.square().sum(-1) < self.radius**2, super().forward(y), math.inf)


@pytest.mark.parametrize("surface", [Walled(2), Bowl(0.0)], ids=["infinite at data", "constant"])
def test_an_order_without_a_temperature_has_reasons_and_no_error(surface: Bowl) -> None:
    """As a ranking energy it is calibrated before its mass is looked at."""
    like = torch.zeros((), dtype=torch.float32)
    evaluation = make_evaluation(surface, Normal(), cells=40, kind=EnergyKind.RANKING, n=300, like=like)
    found = by_name(evaluate(evaluation, [(spec, "tests") for spec in BUILT_IN]))
    assert not [value for value in found.values() if value.note.startswith("error")]
    assert found["kl", "beta"].value is None
    assert found["kl", "beta"].note.startswith("n/a: no temperature fits: ")
    assert found["auroc", ""].value is not None, "its order is an order"


def test_an_energy_that_is_infinite_at_data_has_no_temperature_and_an_infinite_divergence() -> None:
    """Walls at two deviations: 13 % of the data are impossible."""
    evaluation = make_evaluation(Walled(2), Normal(), cells=40, n=300, like=torch.zeros((), dtype=torch.float32))
    found = by_name(evaluate(evaluation, [(spec, "tests") for spec in BUILT_IN]))
    assert found["kl", "raw"].value == found["nll", "raw"].value == math.inf
    assert found["kl_reverse", "raw"].value == pytest.approx(-math.log(1 - math.exp(-2)), abs=0.05)
    for name in (("beta", ""), ("kl", "beta"), ("kl_reverse", "beta"), ("mmd2", "common")):
        assert found[name].value is None, name
        assert found[name].note.startswith("n/a: no temperature fits: the energy is infinite at"), name


def test_a_density_that_is_no_number_somewhere_is_no_number() -> None:
    """The mass that is NaN is not left out: the wrong twin, without it, would read 0."""
    log_p = np.log([0.5, 0.5, 1e-300])
    log_q = np.array([math.log(0.5), math.log(0.5), math.nan])
    weight = np.zeros(3)
    assert math.isnan(divergence(log_p, log_q, weight))
    assert math.isnan(divergence(log_q, log_p, weight))
    assert divergence(log_p[:2], log_q[:2], weight[:2]) == 0
