"""The contract of a method, check by check, on each kind of data that it works on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from ebmbench.conformance import energies, meaning, states, training, work
from ebmbench.conformance.bench import Bench
from ebmbench.conformance.findings import Check, Checked, Finding, carried_out, line_of
from ebmbench.conformance.records import undescribed
from ebmbench.conformance.trial import tried
from ebmbench.contracts.method import Method
from ebmbench.contracts.records import MethodSpec


def record(bench: Bench) -> Iterator[Finding]:
    """The record says what the method is, and every hyper-parameter what it does."""
    where = line_of(bench.method)
    if not bench.spec.summary.strip():
        yield Finding("record", "a summary in its MethodSpec", "none", "", where)
    if not bench.spec.refs and not bench.spec.reference:
        cause = "an idea of one's own: say so there"
        yield Finding("record", "a paper in refs of its MethodSpec", "none", cause, where, advice=True)
    yield from undescribed(type(bench.method))


CHECKS: Mapping[str, Check[Bench]] = {
    "record": record,
    "body": training.body,
    "form": energies.form,
    "loss": training.loss,
    "process": training.process,
    "attributes": states.attributes,
    "alone": energies.alone,
    "finite": energies.finite,
    "seeds": training.seeds,
    "learning": training.learning,
    "slope": energies.slope,
    "samples": energies.samples,
    "data": training.data,
    "precision": training.precision,
    "blank": states.blank,
    "resumed": states.resumed,
    "charged": work.charged,
    "waiting": work.waiting,
    "meaning": meaning.meaning,
}
"""In this order: the cheap ones first, and those that tell most of a mistake before those that stumble over it."""
FATAL = frozenset({"body", "form", "loss", "process", "attributes", "alone", "finite"})
"""After these the others would say the same again."""


@dataclass(frozen=True)
class Tried:
    """A whole trial as a check of its own; the method is offered by the file, or by an installed plugin."""

    file: Path | None

    def __call__(self, bench: Bench) -> Iterator[Finding]:
        """What it comes to."""
        return tried(bench.spec, bench.kind, self.file)


def checked(spec: MethodSpec, cls: type, trial: Tried | None = None) -> list[Checked]:
    """What is to be said of a method, once for each kind of data that it works on; with a whole trial, if wanted."""
    if not (isinstance(cls, type) and issubclass(cls, Method)):
        finding = Finding("record", "a class that derives from Method", f"{cls!r}", "", line_of(cls))
        return [Checked(spec.name, "method", (), (finding,), 0.0)]
    method = cls(**spec.params)
    found = []
    for kind in method.works_on:
        bench = Bench(spec, method, kind)
        name = spec.name if kind == "continuous" else f"{spec.name} on bits"
        checks: Mapping[str, Check[Bench]] = CHECKS if trial is None else {**CHECKS, "trial": trial}
        found.append(carried_out(name, "method", bench, checks, cls, FATAL))
    return found
