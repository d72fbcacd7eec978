"""Code that plugins name: single files, and objects by ``module:qualname``."""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import importlib.util
import sys
from importlib.machinery import SOURCE_SUFFIXES, SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from ebmbench.catalog.owners import missing_package
from ebmbench.errors import UsageError, one_line
from ebmbench.identity.closure import LOCAL


def printing_aside() -> contextlib.AbstractContextManager[object]:
    """What a plugin prints belongs to people: standard output may hold a document."""
    return contextlib.redirect_stdout(sys.stderr)


class _AsRead(SourceFileLoader):
    """Runs the text that the module's name was made of.

    Bytecode on disk is taken for that of a file with the same size and second of change, and may be of another text.
    """

    def __init__(self, name: str, path: Path, content: bytes) -> None:
        super().__init__(name, str(path))
        self._content = content

    def get_code(self, fullname: str) -> CodeType:
        """Compiled anew."""
        return self.source_to_code(self._content, self.path)


def load_file(path: Path) -> ModuleType:
    """Import a single-file plugin under a name made of its stem and content: the same wherever a copy lies.

    Raises:
        UsageError: if there is no such file, or it is none of Python's.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UsageError(f"plugin {path}: cannot be read: {error.strerror}") from None
    stem = "".join(c if c.isalnum() else "_" for c in path.stem)
    name = f"{LOCAL}{stem}_{hashlib.sha256(content).hexdigest()[:16]}"
    if name in sys.modules:
        return sys.modules[name]
    loader = _AsRead(name, path, content)
    spec = importlib.util.spec_from_file_location(name, path, loader=loader)
    if spec is None or path.suffix not in SOURCE_SUFFIXES:
        raise UsageError(f"plugin {path}: expected a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        loader.exec_module(module)
    except BaseException:  # whatever it is, and it goes on: no module half made is left for the next import
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
        package = missing_package(owner)
        again = f"; the package '{package}' is not installed: pip install {package}" if package else ""
        raise UsageError(f"{target} of {owner} cannot be imported: {one_line(error)}{again}") from None
    return found


def is_installed(package: str) -> bool:
    """Whether a package can be imported; nothing is imported to tell."""
    try:
        return importlib.util.find_spec(package.partition(".")[0]) is not None
    except ValueError:  # an empty name; a module that was made by hand
        return package in sys.modules
