"""The identity that a stored trial would have with the code and the versions of today."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ValidationError

from ebmbench.catalog.catalog import Catalog, CatalogEntry
from ebmbench.catalog.owners import to_have_again
from ebmbench.contracts.records import DatasetSpec, NetConfig, Protocol, Record
from ebmbench.datasets.table import Table
from ebmbench.errors import UsageError, one_line
from ebmbench.identity.keys import Component, metric_code, trial_identity
from ebmbench.suite.schema import Budget, DataRegime, DeviceProfile

SETTINGS: dict[str, type[Record]] = {"data": DataRegime, "net": NetConfig, "budget": Budget, "device": DeviceProfile}
"""What a suite says of all its trials."""


class Obstacle(Exception):
    """Why there is no such trial today, in one line."""


@dataclass(frozen=True)
class Part:
    """The method or the dataset of a stored trial as it is today."""

    entry: CatalogEntry[Any]
    params: dict[str, Any]
    defaults: dict[str, Any]

    @property
    def identity(self) -> Component:
        """What a key says of it."""
        return Component(self.entry.target, self.params, getattr(self.entry.spec, "kind", None))


@dataclass(frozen=True)
class CurrentIdentity:
    """A stored trial as it would be planned today with the parameters that it had.

    A stored trial has all parameters, and not which of them were defaults: ``remarks`` has the fields whose default is
    another one today than what the trial had.
    """

    identity: dict[str, Any]
    remarks: tuple[str, ...]

    @classmethod
    def of(cls, held: Mapping[str, Any], catalog: Catalog) -> CurrentIdentity:
        """The trial of today for what a trial.json holds.

        Raises:
            Obstacle: if there is none: a plugin is gone, a parameter is refused, the file is not of the usual form.
        """
        try:
            stored = held["identity"]
            method = _part("method", held["method"], catalog)
            dataset = _part("dataset", held["dataset"], catalog)
            settings = {name: _setting(name, stored.get(name, {})) for name in SETTINGS}
            whole = trial_identity(method.identity, dataset.identity, settings)
        except (KeyError, TypeError, AttributeError):
            raise Obstacle("trial.json is not of today's form") from None
        except OSError as error:
            raise Obstacle(f"the code cannot be read: {one_line(error)}") from None
        remarks = (*_defaults("method", method), *_defaults("dataset", dataset))
        return cls({**stored, **whole}, remarks)


def _part(noun: str, cell: Mapping[str, Any], catalog: Catalog) -> Part:
    entry = _entry(noun, cell, catalog)
    try:
        target = entry.load()
    except UsageError as error:
        raise Obstacle(str(error)) from None
    if not (isinstance(target, type) and issubclass(target, BaseModel)):
        raise Obstacle(f"{noun} '{cell['name']}': {entry.target} of {entry.owner} is no {noun} any more")
    params = {name: value for name, value in cell["params"].items() if name in target.model_fields}
    try:
        instance = target(**{**entry.spec.params, **params})
    except ValidationError as error:
        raise Obstacle(f"{noun} '{cell['name']}' refuses what it had: {_reason(error)}") from None
    except Exception as error:  # noqa: BLE001 - a plugin may raise anything
        raise Obstacle(f"{noun} '{cell['name']}' refuses what it had: {one_line(error)}") from None
    try:
        defaults = target(**entry.spec.params).model_dump(mode="json")
    except Exception:  # noqa: BLE001 - as above; and some parameters have no default
        defaults = {}
    return Part(entry, instance.model_dump(mode="json"), defaults)


def _entry(noun: str, cell: Mapping[str, Any], catalog: Catalog) -> CatalogEntry[Any]:
    name = str(cell["name"])
    if cell["target"] == f"{Table.__module__}:{Table.__qualname__}":
        return CatalogEntry(DatasetSpec(name, Table, "own data"), "ebmbench:datasets")
    try:
        return catalog.find(f"{noun}s", name)
    except UsageError as error:
        if (f"{noun}s", name) in catalog.taken:
            raise Obstacle(str(error)) from None
        raise Obstacle(f"no plugin offers {noun} '{name}'{to_have_again(cell['owner'], cell.get('file'))}") from None


def _setting(name: str, stored: Mapping[str, Any]) -> Record:
    known = {key: value for key, value in stored.items() if key in SETTINGS[name].model_fields}
    try:
        return SETTINGS[name](**known)
    except ValidationError as error:
        raise Obstacle(f"{name} of today refuses what it had: {_reason(error)}") from None


def _reason(error: ValidationError) -> str:
    first = error.errors()[0]
    place = ".".join(str(part) for part in first["loc"])
    return f"{place}: {first['msg'].removeprefix('Value error, ')}".removeprefix(": ")


def _defaults(noun: str, part: Part) -> Iterator[str]:
    for name, value in part.params.items():
        if name in part.defaults and part.defaults[name] != value:
            yield f"{noun:9s} {name} is {value} here and {part.defaults[name]} by default"


def changed_metrics(code: Mapping[str, str], catalog: Catalog) -> list[str]:
    """The metrics that were measured by other code than today's, or are not to be had any more; in words.

    Args:
        code: the hash of each metric's code when it was measured.
        catalog: what is offered today.
    """
    lines = []
    for name, digest in code.items():
        offer = catalog.metrics.get(name)
        if offer is None:
            lines.append(f"metric    {name} is of no plugin of today")
        elif metric_code(offer.target, Protocol()) != digest:
            lines.append(f"metric    {name} changed: it is measured again, and nothing is trained")
    return lines
