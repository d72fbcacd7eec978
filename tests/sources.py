"""Modules read from edited copies: what an edit of the source would do to keys, with the source left alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from ebmbench.catalog.targets import load_file
from ebmbench.identity import closure

EDITED = "\nif True:\n    EDITED = 1\n"


class Sources:
    """In the place of ``closure.module_path``: some modules are read from edited copies in ``folder``."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder, self.original, self.copies = folder, closure.module_path, dict[str, Path]()
        monkeypatch.setattr(closure, "module_path", self)

    def __call__(self, name: str) -> Path | None:
        return self.copies.get(name) or self.original(name)

    def cache_clear(self) -> None:
        """As of a cached function."""
        self.original.cache_clear()

    def write(self, module: str, text: str) -> None:
        """Say what stands in a module."""
        path = self._path(module)
        copy = self.folder / f"edit{len(list(self.folder.glob('edit*')))}" / path.name
        copy.parent.mkdir(parents=True)
        copy.write_text(text)
        self.copies[module] = copy
        closure.closure_of.cache_clear()

    def text(self, module: str) -> str:
        """What stands in a module now."""
        return (self.copies.get(module) or self._path(module)).read_text()

    def edit(self, module: str, more: str = EDITED) -> None:
        """Append to a module; by default what every name in it may depend on."""
        self.write(module, self.text(module) + more)

    def replace(self, module: str, old: str, new: str) -> None:
        """Put something else in one place of a module."""
        text = self.text(module)
        assert text.count(old) == 1, "the edit must hit"
        self.write(module, text.replace(old, new))

    def restore(self) -> None:
        """Take all edits back."""
        self.copies.clear()
        closure.closure_of.cache_clear()

    def _path(self, module: str) -> Path:
        path = self.original(module)
        assert path is not None, f"there is no module {module}"
        return path


def single_file(folder: Path, stem: str, text: str) -> str:
    """The module name of a single-file plugin of that text."""
    folder.mkdir(exist_ok=True)
    path = folder / f"{stem}.py"
    path.write_text(text)
    return load_file(path).__name__
