"""Code that plugins name: single files, and objects by ``module:qualname``."""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from ebmbench.errors import UsageError, one_line
from ebmbench.identity.closure import LOCAL


def printing_aside() -> contextlib.AbstractContextManager[object]:
    """What a plugin prints belongs to people: standard output may hold a document."""
    return contextlib.redirect_stdout(sys.stderr)


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
    name = f"{LOCAL}{stem}_{hashlib.sha256(content).hexdigest()[:16]}"
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
        with printing_aside():
            found: Any = importlib.import_module(module_name)
        for part in qualname.split("."):
            found = getattr(found, part)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 - a plugin may raise anything at import
        raise UsageError(f"{target} of {owner} cannot be imported: {one_line(error)}") from None
    return found
