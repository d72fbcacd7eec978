"""Applying metrics: what does not apply says why, and what raises spoils nothing else."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch

from ebmbench.contracts.records import EnergyKind, MetricSpec
from ebmbench.datasets.plane import EightGaussians
from ebmbench.errors import NotApplicable
from ebmbench.metrics import ebmbench_metrics
from ebmbench.metrics.context import EvalContext, Evaluation
from ebmbench.metrics.evaluate import evaluate
from ebmbench.store.records import Measurements, Value
from tests.factories import Bowl, make_evaluation

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


def measure(kind: EnergyKind, *specs: MetricSpec) -> dict[tuple[str, str], Value]:
    values = evaluate(held(kind), [(spec, "tests") for spec in specs])
    assert len(values) == sum(len(spec.variants) for spec in specs)
    return {(value.metric, value.variant): value for value in values}


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
        assert (value.value is None) == bool(value.note), value
        assert not value.note.startswith("error"), value
    assert found["mmd2", "native"].note == "n/a: the method has no sampler of its own"
    assert (found["kl", "raw"].value is None) is (kind is EnergyKind.RANKING)
    assert (found["leak", "raw"].value is None) is (kind is EnergyKind.RANKING)
    assert (found["log_z_error", "raw"].value is None) is (kind is not EnergyKind.NORMALIZED)
    assert found["kl", "beta"].value is not None
    assert found["skill", ""].value is not None


def test_a_constant_energy_gives_reasons_and_its_order_a_half() -> None:
    """beta and spearman do not exist; AUROC is 1/2; nothing is an error."""
    wanted = [spec for spec in BUILT_IN if spec.name in ("beta", "auroc", "kl")]
    values = evaluate(held(EnergyKind.DENSITY, 0.0), [(spec, "tests") for spec in wanted])
    found = {(value.metric, value.variant): value for value in values}
    assert found["beta", ""].note == "n/a: the value is not a number"
    assert found["kl", "beta"].note == "n/a: the value is not a number"
    assert found["auroc", ""].value == pytest.approx(0.5)
