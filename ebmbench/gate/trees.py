"""The two source trees of a gate: the one that is worked in, and a git worktree of the base beside it."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ebmbench.errors import UsageError, one_line

PATIENCE = 60.0
"""Seconds that git is waited for."""
INSTALLING = 1800.0
"""Seconds that an environment may take to be made."""
REQUIREMENTS = ("constraints.txt", "requirements.txt", "uv.lock", "poetry.lock")
"""Files that say, beside pyproject.toml, what an environment is made of."""


@dataclass(frozen=True)
class Tree:
    """A source tree that can be run.

    Attributes:
        root: the folder of the checkout.
        packages: the folders in it that Python imports from, in order; none where all of it is single files.
        python: the interpreter, with all dependencies.
        label: what people call it: ``4c8a8b9 with changes``.
        dirty: whether it is not as the commit is.
    """

    root: Path
    packages: tuple[Path, ...]
    python: Path
    label: str
    dirty: bool = False


def head_tree(folder: Path) -> Tree:
    """The checkout that a folder is in, as it stands, dirty or not.

    Raises:
        UsageError: if it is in no git repository.
    """
    root = Path(_git(folder, "rev-parse", "--show-toplevel")).resolve()
    prefix = Path(sys.prefix).resolve()
    inside = [
        path for path in map(_resolved, sys.path) if path.is_relative_to(root) and not path.is_relative_to(prefix)
    ]
    commit = _git(root, "rev-parse", "--short=8", "HEAD")
    dirty = bool(_git(root, "status", "--porcelain", "--untracked-files=no"))
    packages = tuple(dict.fromkeys(inside))
    return Tree(root, packages, Path(sys.executable), f"{commit} with changes" if dirty else commit, dirty)


@contextmanager
def base_tree(head: Tree, reference: str, place: Path) -> Iterator[Tree]:
    """A worktree of the base, gone again afterwards; one that a killed gate has left is taken away first.

    Args:
        head: the checkout.
        reference: a commit, a branch, a tag.
        place: an empty folder, or one that only gates use.

    Raises:
        UsageError: if there is no such commit, or its environment cannot be made.
    """
    commit = commit_of(head.root, reference)
    root = (place / "base").resolve()
    _discard(head.root, root)
    place.mkdir(parents=True, exist_ok=True)
    _git(head.root, "worktree", "add", "--detach", "--force", str(root), commit)
    try:
        packages = tuple(root / path.relative_to(head.root) for path in head.packages)
        python = _environment(root, place) if environment_of(root) != environment_of(head.root) else head.python
        short = commit[:8]
        yield Tree(root, packages, python, short if reference.startswith(short) else f"{reference} ({short})")
    finally:
        _discard(head.root, root)


def commit_of(root: Path, reference: str) -> str:
    """The commit that a name stands for.

    Raises:
        UsageError: if there is none.
    """
    try:
        return _git(root, "rev-parse", "--verify", "--end-of-options", f"{reference}^{{commit}}")
    except UsageError:
        branches = _git(root, "branch", "--all", "--format=%(refname:short)").split()
        known = f"; branches: {', '.join(branches[:8])}" if branches else ""
        raise UsageError(f"--base {reference}: no such commit, branch or tag here{known}") from None


def environment_of(root: Path) -> str:
    """What an environment of a tree is made of: dependencies, entry points, locked versions; equal where they are."""
    try:
        project = tomllib.loads((root / "pyproject.toml").read_text())
    except (OSError, tomllib.TOMLDecodeError) as error:
        return f"no pyproject.toml: {type(error).__name__}"
    said: dict[str, Any] = project.get("project", {})
    parts = {key: said.get(key) for key in ("dependencies", "optional-dependencies", "entry-points", "requires-python")}
    files = {name: (root / name).read_text() for name in REQUIREMENTS if (root / name).is_file()}
    return hashlib.sha256(json.dumps([parts, files], sort_keys=True).encode()).hexdigest()[:12]


def _environment(root: Path, place: Path) -> Path:
    """An environment of the base's own, kept for the next gate: its dependencies are not those of head."""
    folder = place / f"environment-{environment_of(root)}"
    python, done = folder / "bin" / "python", folder / "installed"
    if not done.exists():
        shutil.rmtree(folder, ignore_errors=True)
        constraints = ["-c", str(root / "constraints.txt")] if (root / "constraints.txt").is_file() else []
        install = [
            str(python),
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            *constraints,
            str(root),
        ]
        for command in ([sys.executable, "-m", "venv", str(folder)], install):
            _called(command, INSTALLING, "the base's environment cannot be made")
        done.touch()
    return python


def _discard(root: Path, worktree: Path) -> None:
    if worktree.exists():
        _quietly(root, "worktree", "remove", "--force", "--force", str(worktree))
        shutil.rmtree(worktree, ignore_errors=True)
    _quietly(root, "worktree", "prune")


def _quietly(root: Path, *command: str) -> None:
    subprocess.run(["git", "-C", str(root), *command], capture_output=True, timeout=PATIENCE, check=False)


def _git(folder: Path, *command: str) -> str:
    return _called(["git", "-C", str(folder), *command], PATIENCE, f"git {command[0]}")


def _called(command: list[str], seconds: float, what: str) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=seconds, check=False)
    except (OSError, subprocess.SubprocessError) as error:
        raise UsageError(f"{what}: {one_line(error)}") from None
    if done.returncode:
        lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
        raise UsageError(f"{what}: {lines[-1] if lines else f'exit code {done.returncode}'}")
    return done.stdout.strip()


def _resolved(path: str) -> Path:
    return Path(path or ".").resolve()
