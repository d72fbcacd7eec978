"""The catalog: what plugins offer. A plugin that breaks is one line; everything else goes on."""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import importlib.util
import os
import re
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import Any, Generic, TypeVar

import pluggy
from pydantic import TypeAdapter, ValidationError

from ebmbench.contracts import DatasetSpec, MethodSpec, MetricSpec, Spec
from ebmbench.suite import hooks
from ebmbench.suite.errors import UsageError, one_line, printable, suggest
from ebmbench.suite.schema import NAME_PATTERN

DISABLE = "EBMBENCH_DISABLE_PLUGINS"
"""Environment variable: names of entry points, comma separated, that are not to be loaded."""

S = TypeVar("S", MethodSpec, DatasetSpec, MetricSpec)


@dataclass(frozen=True)
class Entry(Generic[S]):
    """A record of the catalog, its owner (``distribution:entry point``, or the file), and the file if it is one."""

    spec: S
    owner: str
    file: Path | None = None

    @property
    def target(self) -> str:
        """``module:qualname`` of the class or function."""
        target = self.spec.target
        return target if isinstance(target, str) else f"{target.__module__}:{target.__qualname__}"

    def load(self) -> Any:
        """The class or function itself.

        Raises:
            UsageError: if it cannot be imported, with the owner.
        """
        return load_target(self.target, self.owner)


@dataclass(frozen=True)
class Broken:
    """A plugin, or a record of one, that could not be used, and why."""

    owner: str
    error: str


@dataclass
class Catalog:
    """Everything that the plugins found offer, by name."""

    methods: dict[str, Entry[MethodSpec]] = field(default_factory=dict)
    datasets: dict[str, Entry[DatasetSpec]] = field(default_factory=dict)
    metrics: dict[str, Entry[MetricSpec]] = field(default_factory=dict)
    plugins: list[str] = field(default_factory=list)
    broken: list[Broken] = field(default_factory=list)
    taken: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    manager: pluggy.PluginManager = field(default_factory=lambda: pluggy.PluginManager(hooks.PROJECT))

    def find(self, shelf: str, name: str) -> Entry[Any]:
        """The entry of that name on a shelf (``methods``, ``datasets``, ``metrics``).

        Raises:
            UsageError: if there is none (with the nearest), or if two plugins claim the name (with both).
        """
        entries: dict[str, Entry[Any]] = getattr(self, shelf)
        noun = shelf[:-1]
        if (shelf, name) in self.taken:
            owners = " and ".join(self.taken[shelf, name])
            raise UsageError(f"{noun} '{name}' is claimed by {owners}; rename one of them or leave its plugin out")
        if name not in entries:
            raise UsageError(f"unknown {noun} '{name}'{suggest(name, entries)}")
        return entries[name]

    def add(self, shelf: str, entry: Entry[Any]) -> None:
        """Put a record on its shelf; a name that is taken is refused and both owners are remembered."""
        entries: dict[str, Entry[Any]] = getattr(self, shelf)
        name = entry.spec.name
        if name in entries:
            first = entries[name].owner
            self.taken.setdefault((shelf, name), [first]).append(entry.owner)
            self.broken.append(
                Broken(entry.owner, f"{shelf[:-1]} '{name}' is already offered by {first}: the second is refused")
            )
            return
        entries[name] = entry


_SHELVES: tuple[tuple[str, str, type[Spec]], ...] = (
    ("ebmbench_methods", "methods", MethodSpec),
    ("ebmbench_datasets", "datasets", DatasetSpec),
    ("ebmbench_metrics", "metrics", MetricSpec),
)

_ADAPTERS: dict[str, TypeAdapter[Any]] = {kind.__name__: TypeAdapter(kind) for _, _, kind in _SHELVES}


def load_catalog(files: Iterable[Path] = ()) -> Catalog:
    """The catalog of all installed plugins and of the given single files. Never raises for a plugin's sake.

    A plugin is code that runs here: one that calls ``os._exit`` at import, or never returns, cannot be held back.
    """
    catalog = Catalog()
    catalog.manager.add_hookspecs(hooks)
    disabled = {name.strip() for name in os.environ.get(DISABLE, "").split(",")}
    points = sorted(entry_points(group=hooks.PROJECT), key=lambda point: _owner(point) != f"ebmbench:{point.name}")
    for point in points:
        if point.name not in disabled:
            _admit(catalog, _owner(point), point.load, None)
    for file in files:
        _admit(catalog, str(file), lambda file=file: load_file(file), file)  # type: ignore[misc]
    return catalog


def _owner(point: EntryPoint) -> str:
    return f"{point.dist.name if point.dist else '?'}:{point.name}"


def _admit(catalog: Catalog, owner: str, load: Callable[[], ModuleType], file: Path | None) -> None:
    manager = catalog.manager
    try:
        with _aside():
            plugin = load()
        if manager.register(plugin, owner) is None:
            return
        manager.check_pending()
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 - a plugin may raise anything; it is shown, and the rest goes on
        catalog.broken.append(Broken(owner, one_line(error)))
        if manager.has_plugin(owner):
            manager.unregister(name=owner)
        return
    catalog.plugins.append(owner)
    for hook_name, shelf, kind in _SHELVES:
        hook = getattr(plugin, hook_name, None)
        if hook is None:
            continue
        try:
            with _aside():
                specs = list(hook())
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001 - as above
            catalog.broken.append(Broken(owner, f"{hook_name}: {one_line(error)}"))
            continue
        for spec in specs:
            try:
                catalog.add(shelf, Entry(_sound(spec, kind), owner, file))
            except (TypeError, ValueError) as error:
                catalog.broken.append(Broken(owner, f"{hook_name}: {error}"))


def _aside() -> contextlib.AbstractContextManager[object]:
    """What a plugin prints belongs to people: standard output may hold a document."""
    return contextlib.redirect_stdout(sys.stderr)


def _sound(spec: Any, kind: type[Spec]) -> Any:
    """The record with its fields as they are declared.

    Raises:
        TypeError: if it is a record of another kind.
        ValueError: if a field is wrong; or a name (a metric's variant too) has more than letters, digits and ``_-.``:
            wherever one is shown it must mean nothing else.
    """
    if not isinstance(spec, kind):
        raise TypeError(f"expected a {kind.__name__}, got {type(spec).__name__}")
    try:
        fields = {key: getattr(spec, key) for key in kind.__dataclass_fields__}
        sound = _ADAPTERS[kind.__name__].validate_python(fields)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(step) for step in first["loc"][:1])
        raise ValueError(printable(f"{str(spec.name)[:80]!r}: {place}: {first['msg']}")) from None
    for name in (sound.name, *(variant for variant in getattr(sound, "variants", ()) if variant)):
        if not re.fullmatch(NAME_PATTERN, name):
            raise ValueError(f"{name[:80]!r}: a name has letters, digits, '_', '-' and '.', at most 80, and no path")
    return sound


def load_file(path: Path) -> ModuleType:
    """Import a single-file plugin under a name made of its stem and content: the same wherever a copy lies.

    Raises:
        UsageError: if there is no such file.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UsageError(f"plugin {path}: cannot be read: {error.strerror}") from None
    stem = "".join(c if c.isalnum() else "_" for c in path.stem)
    name = f"ebmbench_local_{stem}_{hashlib.sha256(content).hexdigest()[:16]}"
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise UsageError(f"plugin {path}: expected a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def load_target(target: str, owner: str) -> Any:
    """The object that ``module:qualname`` names.

    Raises:
        UsageError: if it cannot be imported.
    """
    module_name, _, qualname = target.partition(":")
    try:
        with _aside():
            found: Any = importlib.import_module(module_name)
        for part in qualname.split("."):
            found = getattr(found, part)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 - a plugin may raise anything at import
        raise UsageError(f"{target} of {owner} cannot be imported: {one_line(error)}") from None
    return found
