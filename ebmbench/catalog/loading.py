"""Finding plugins. One that breaks is one line; everything else goes on."""

from __future__ import annotations

import inspect
import os
import re
from collections.abc import Callable, Iterable
from functools import partial
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

import pluggy
from pydantic import TypeAdapter, ValidationError

from ebmbench.catalog import hooks
from ebmbench.catalog.catalog import Broken, Catalog, CatalogEntry
from ebmbench.catalog.targets import load_file, printing_aside
from ebmbench.contracts.records import NAME_PATTERN, DatasetSpec, MethodSpec, MetricSpec, ReporterSpec, Spec, Track
from ebmbench.errors import one_line, printable, suggest

DISABLE = "EBMBENCH_DISABLE_PLUGINS"
"""Environment variable: names of entry points, comma separated, that are not to be loaded."""

T = TypeVar("T")

_TYPES: tuple[tuple[str, str, type[Spec]], ...] = (
    ("ebmbench_methods", "methods", MethodSpec),
    ("ebmbench_datasets", "datasets", DatasetSpec),
    ("ebmbench_metrics", "metrics", MetricSpec),
    ("ebmbench_tracks", "tracks", Track),
    ("ebmbench_reporters", "reporters", ReporterSpec),
)

_ADAPTERS: dict[str, TypeAdapter[Any]] = {kind.__name__: TypeAdapter(kind) for _, _, kind in _TYPES}


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
    """Take a plugin into the catalog: whatever it raises becomes a line."""
    manager = catalog.manager
    plugin = _tried(catalog, owner, "", load)
    if plugin is None or _tried(catalog, owner, "", lambda: _registered(manager, plugin, owner)) is not True:
        if manager.has_plugin(owner) and plugin is not None:
            manager.unregister(name=owner)
        return
    catalog.plugins.append(owner)
    for hook_name, component_type, kind in _TYPES:
        hook = getattr(plugin, hook_name, None)
        if hook is None:
            continue
        for spec in _tried(catalog, owner, f"{hook_name}: ", partial(_listed, hook)) or ():
            try:
                catalog.add(component_type, CatalogEntry(_sound(spec, kind), owner, file))
            except (TypeError, ValueError) as error:
                catalog.broken.append(Broken(owner, f"{hook_name}: {error}"))


def _listed(hook: Callable[[], Iterable[Any]]) -> list[Any]:
    return list(hook())


def _registered(manager: pluggy.PluginManager, plugin: ModuleType, owner: str) -> bool:
    """Whether it is new; a plugin that comes in twice is one.

    Raises:
        TypeError: if it has a hook that there is none of, marked as one or not: it would never be called.
    """
    known = [name for name, _ in inspect.getmembers(hooks, inspect.isfunction) if name.startswith(f"{hooks.PROJECT}_")]
    for name, found in vars(plugin).items():
        if name.startswith(f"{hooks.PROJECT}_") and name not in known and inspect.isfunction(found):
            raise TypeError(f"there is no hook '{name}'{suggest(name, known)}")
    if manager.register(plugin, owner) is None:
        return False
    manager.check_pending()
    return True


def _tried(catalog: Catalog, owner: str, where: str, action: Callable[[], T]) -> T | None:
    """What a plugin's own code returns; None when it raised, which is then a line of the catalog."""
    try:
        with printing_aside():
            return action()
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 - a plugin may raise anything; it is shown, and the rest goes on
        catalog.broken.append(Broken(owner, where + one_line(error)))
        return None


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
