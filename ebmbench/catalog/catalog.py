"""The catalog: what plugins offer, by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

import pluggy

from ebmbench.catalog import hooks
from ebmbench.catalog.targets import is_installed, load_target
from ebmbench.contracts.records import DatasetSpec, MethodSpec, MetricSpec, ReporterSpec, Track
from ebmbench.errors import UsageError, suggest

S = TypeVar("S", MethodSpec, DatasetSpec, MetricSpec, Track, ReporterSpec)


@dataclass(frozen=True)
class CatalogEntry(Generic[S]):
    """A record of the catalog, its owner (``distribution:entry point``, or the file), and the file if it is one."""

    spec: S
    owner: str
    file: Path | None = None

    @property
    def target(self) -> str:
        """``module:qualname`` of the class or function."""
        target: Any = getattr(self.spec, "target", "")
        return target if isinstance(target, str) else f"{target.__module__}:{target.__qualname__}"

    def load(self) -> Any:
        """The class or function itself.

        Raises:
            UsageError: if it cannot be imported, with the owner; or with what is to be installed for it.
        """
        try:
            return load_target(self.target, self.owner)
        except UsageError:
            if self.missing:
                raise UsageError(f"{self.spec.name}: {self.missing}") from None
            raise

    @property
    def missing(self) -> str:
        """What it needs and is not installed here, with the command that installs it; empty when nothing is missing."""
        needs: Mapping[str, str] = getattr(self.spec, "needs", {})
        names = [package for package in needs if not is_installed(package)]
        wanted = " ".join(f"'{source}'" for source in dict.fromkeys(needs[package] for package in names))
        verb = "is" if len(names) == 1 else "are"
        return f"{' and '.join(names)} {verb} not installed: pip install {wanted}" if names else ""


@dataclass(frozen=True)
class Broken:
    """A plugin, or a record of one, that could not be used, and why."""

    owner: str
    error: str


@dataclass
class Catalog:
    """Everything that the plugins found offer, by name."""

    methods: dict[str, CatalogEntry[MethodSpec]] = field(default_factory=dict)
    datasets: dict[str, CatalogEntry[DatasetSpec]] = field(default_factory=dict)
    metrics: dict[str, CatalogEntry[MetricSpec]] = field(default_factory=dict)
    tracks: dict[str, CatalogEntry[Track]] = field(default_factory=dict)
    reporters: dict[str, CatalogEntry[ReporterSpec]] = field(default_factory=dict)
    plugins: list[str] = field(default_factory=list)
    broken: list[Broken] = field(default_factory=list)
    taken: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    manager: pluggy.PluginManager = field(default_factory=lambda: pluggy.PluginManager(hooks.PROJECT))

    def find(self, component_type: str, name: str) -> CatalogEntry[Any]:
        """The entry of that name of a type (``methods``, ``datasets``, ``metrics``).

        Raises:
            UsageError: if there is none (with the nearest), or if two plugins claim the name (with both).
        """
        entries: dict[str, CatalogEntry[Any]] = getattr(self, component_type)
        noun = component_type[:-1]
        if (component_type, name) in self.taken:
            owners = " and ".join(self.taken[component_type, name])
            raise UsageError(f"{noun} '{name}' is claimed by {owners}; rename one of them or leave its plugin out")
        if name not in entries:
            raise UsageError(f"unknown {noun} '{name}'{suggest(name, entries)}")
        return entries[name]

    def add(self, component_type: str, entry: CatalogEntry[Any]) -> None:
        """Put a record among those of its type; a name that is taken is refused and both owners are remembered."""
        entries: dict[str, CatalogEntry[Any]] = getattr(self, component_type)
        name = entry.spec.name
        if name in entries:
            first = entries[name].owner
            self.taken.setdefault((component_type, name), [first]).append(entry.owner)
            self.broken.append(
                Broken(
                    entry.owner, f"{component_type[:-1]} '{name}' is already offered by {first}: the second is refused"
                )
            )
            return
        entries[name] = entry
