"""Applying metrics to a surface: each calibration that applies, each metric in a try of its own."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

from ebmbench.catalog.targets import load_target
from ebmbench.contracts.records import MetricSpec
from ebmbench.errors import NotApplicable, one_line, sentence
from ebmbench.metrics.context import EvalContext
from ebmbench.metrics.evaluation import Evaluation
from ebmbench.store.records import Value


def evaluate(evaluation: Evaluation, specs: Iterable[tuple[MetricSpec, str]]) -> list[Value]:
    """All variants of the metrics (each with its owner). One that raises is a row of its own and spoils no other."""
    return [value for spec, owner in specs for value in _variants(evaluation, spec, owner)]


def _variants(evaluation: Evaluation, spec: MetricSpec, owner: str) -> Iterator[Value]:
    for variant in spec.variants:
        reason = spec.obstacle(evaluation.kind, variant)
        if reason:
            yield Value(metric=spec.name, variant=variant, note=f"n/a: {reason}")
        else:
            yield _measure(spec, owner, EvalContext(evaluation, variant))


def _measure(spec: MetricSpec, owner: str, context: EvalContext) -> Value:
    try:
        target = spec.target if callable(spec.target) else load_target(spec.target, owner)
        number = float(target(context))
    except NotApplicable as reason:
        return Value(metric=spec.name, variant=context.variant, note=f"n/a: {sentence(str(reason))}")
    except Exception as error:  # noqa: BLE001 - a metric may raise anything; it is recorded, and the others go on
        return Value(metric=spec.name, variant=context.variant, note=f"error: {one_line(error)}")
    if math.isnan(number):
        return Value(metric=spec.name, variant=context.variant, note="n/a: the value is not a number")
    note = sentence("; ".join(dict.fromkeys(context.remarks)))
    return Value(metric=spec.name, variant=context.variant, value=number, note=note)
