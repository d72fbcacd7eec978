"""A new method, dataset, metric or suite: the files that it begins with, none of which is there before."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Literal

import jinja2

from ebmbench.contracts.records import Strategy
from ebmbench.errors import UsageError

Kind = Literal["method", "dataset", "metric", "suite"]
NAME = re.compile(r"[a-z][a-z0-9_]{0,40}")
TEMPLATES = jinja2.Environment(
    loader=jinja2.PackageLoader("ebmbench.scaffold"),
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    keep_trailing_newline=True,
)
BESIDE = "oracle, gaussian, nce, gmm"
"""The methods that a new one is compared with."""


@dataclass(frozen=True)
class Wanted:
    """What is to be written.

    Attributes:
        kind: of plugin.
        name: of it in the catalog.
        strategy: of a method.
        package: whether it is a distribution of its own.
    """

    kind: Kind
    name: str
    strategy: Strategy = Strategy.C2
    package: bool = False

    def __post_init__(self) -> None:
        if not NAME.fullmatch(self.name):
            raise UsageError(
                f"{self.name!r}: expected a name of lower-case letters, digits and _, a letter first, at most 41"
            )
        if self.strategy is Strategy.REFERENCE:
            raise UsageError("--strategy reference: is no strategy; expected one of C1, C2, C3, A1, A2, A3, A4")
        if self.package and self.kind == "suite":
            raise UsageError("--package: a suite is a file; a package is for a method, dataset or metric")

    @property
    def files(self) -> dict[Path, str]:
        """All files with their texts, relative to the folder that they are for."""
        if self.kind == "suite":
            return {Path(f"{self.name}.yaml"): self._suite()}
        code = f"method/{self.strategy}" if self.kind == "method" else self.kind
        if not self.package:
            return {
                Path(self._file): self._filled(code),
                Path(f"test_{self._file}"): self._filled("test"),
                Path(f"{self.name}.yaml"): self._suite(),
            }
        root = Path(self._distribution)
        return {
            root / self._module / "__init__.py": self._filled(code),
            root / "tests" / f"test_{self.name}.py": self._filled("test"),
            root / f"{self.name}.yaml": self._suite(),
            root / "pyproject.toml": self._filled("pyproject"),
            root / "README.md": self._filled("readme"),
            root / "LICENSE": self._filled("license"),
            root / ".github" / "workflows" / "gate.yml": self._filled("gate"),
        }

    @property
    def _file(self) -> str:
        return f"{self.name}.py"

    @property
    def _distribution(self) -> str:
        return f"ebmbench-{self.name.replace('_', '-')}"

    @property
    def _module(self) -> str:
        return f"ebmbench_{self.name}"

    def _filled(self, template: str, **more: str) -> str:
        values: Mapping[str, object] = {
            "kind": self.kind,
            "name": self.name,
            "cls": "".join(part.capitalize() for part in self.name.split("_")),
            "file": self._file,
            "target": self.name if self.package else self._file,
            "package": self.package,
            "module": self._module,
            "distribution": self._distribution,
            "strategy": self.strategy.value,
            "idea": self.strategy.idea,
            "year": date.today().year,
        }
        return TEMPLATES.get_template(f"{template}.jinja").render(**values, **more)

    def _suite(self) -> str:
        plugin = "" if self.package or self.kind == "suite" else f"./{self._file}"
        methods = f"{BESIDE}, {self.name}" if self.kind == "method" else BESIDE
        datasets = self.name if self.kind == "dataset" else "moons, rings"
        metrics = f"kl, kl_beta, skill, {self.name}" if self.kind == "metric" else ""
        return self._filled("suite", plugin=plugin, methods=methods, datasets=datasets, metrics=metrics)


def write(files: Mapping[Path, str], folder: Path) -> list[Path]:
    """Write the files below a folder, all of them or none.

    Raises:
        UsageError: if one of them is there already: nothing is overwritten.
    """
    there = [path for path in files if (folder / path).exists() or (folder / path).is_symlink()]
    if there:
        raise UsageError(f"{folder / there[0]}: is there already, and nothing is overwritten; choose another name")
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        with (folder / path).open("x", encoding="utf-8") as file:
            file.write(text)
    return list(files)
