"""The conformance kit, for an author's own tests: each raises with every finding, or returns what was checked.

from pathlib import Path
from ebmbench.testing import check_plugin

def test_it_keeps_the_contract():
    check_plugin(Path(__file__).with_name("mine.py"))
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ebmbench.catalog.loading import load_catalog
from ebmbench.catalog.targets import load_target
from ebmbench.conformance import datasets, methods, metrics
from ebmbench.conformance.entries import checked, components
from ebmbench.conformance.findings import Checked, Finding, Nonconforming
from ebmbench.contracts.records import DatasetSpec, MethodSpec, MetricSpec
from ebmbench.errors import UsageError

__all__ = ["Checked", "Finding", "Nonconforming", "check_dataset", "check_method", "check_metric", "check_plugin"]


def check_method(spec: MethodSpec) -> tuple[Checked, ...]:
    """Hold a method against its contract, on each kind of data that it works on: a few seconds.

    Raises:
        Nonconforming: with every finding: what was expected, what was seen, the likely cause, the line.
        UsageError: if its class cannot be imported.
    """
    return _sound(methods.checked(spec, _target(spec)))


def check_dataset(spec: DatasetSpec) -> Checked:
    """Hold a dataset against its contract: sampler, density, score and domain are of one distribution.

    Raises:
        Nonconforming: with every finding.
        UsageError: if its class cannot be imported.
    """
    return _sound([datasets.checked(spec, _target(spec))])[0]


def check_metric(spec: MetricSpec) -> Checked:
    """Hold a metric against its contract: the truth's own value, its direction, a reason where it does not apply.

    Raises:
        Nonconforming: with every finding.
        UsageError: if its function cannot be imported.
    """
    return _sound([metrics.checked(spec, _target(spec))])[0]


def check_plugin(file: Path) -> tuple[Checked, ...]:
    """Hold all methods, datasets and metrics that a file offers against their contracts.

    Raises:
        Nonconforming: with every finding.
        UsageError: if the file cannot be imported, or offers nothing.
    """
    catalog = load_catalog([file])
    for broken in catalog.broken:
        raise UsageError(f"{broken.owner}: {broken.error}")
    found = [one for entry in components(catalog) if entry.file == file for one in checked(entry)]
    if not found:
        raise UsageError(f"{file}: offers no method, dataset or metric; expected a hook such as ebmbench_methods")
    return _sound(found)


def _target(spec: MethodSpec | DatasetSpec | MetricSpec) -> Any:
    return load_target(spec.target, "this test") if isinstance(spec.target, str) else spec.target


def _sound(found: Iterable[Checked]) -> tuple[Checked, ...]:
    found = tuple(found)
    if not all(one.ok for one in found):
        raise Nonconforming("\n".join(str(one) for one in found if not one.ok))
    return found
