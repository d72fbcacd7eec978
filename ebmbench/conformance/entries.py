"""A record of the catalog, whatever it is of, held against its contract."""

from __future__ import annotations

from typing import Any

from ebmbench.catalog.catalog import Catalog, CatalogEntry
from ebmbench.conformance import datasets, methods, metrics
from ebmbench.conformance.findings import Checked, Finding
from ebmbench.contracts.records import DatasetSpec, MethodSpec


def components(catalog: Catalog) -> list[CatalogEntry[Any]]:
    """All that there is a contract for."""
    return [*catalog.methods.values(), *catalog.datasets.values(), *catalog.metrics.values()]


def checked(entry: CatalogEntry[Any], trial: bool = False) -> list[Checked]:
    """What is to be said of it; of a method once for each kind of data, with a whole trial if that is wanted.

    Raises:
        UsageError: if it cannot be imported.
    """
    if entry.missing:
        lacking = Finding("record", "the packages that it needs", entry.missing)
        return [Checked(entry.spec.name, "method", (), (lacking,), 0.0)]
    spec, target = entry.spec, entry.load()
    if isinstance(spec, MethodSpec):
        return methods.checked(spec, target, methods.Tried(entry.file) if trial else None)
    return [datasets.checked(spec, target) if isinstance(spec, DatasetSpec) else metrics.checked(spec, target)]
