"""The source trees of a gate: the one that is worked in, and git worktrees of other commits beside it."""

from __future__ import annotations

import hashlib
import json
import os
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
SHORT = 8
"""Digits of a commit that people see."""
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
        others: the folders of PYTHONPATH that are not of the checkout: those of all of its trees.
    """

    root: Path
    packages: tuple[Path, ...]
    python: Path
    label: str
    dirty: bool = False
    others: tuple[Path, ...] = ()


def head_tree(folder: Path) -> Tree:
    """The checkout that a folder is in, as it stands, dirty or not.

    Raises:
        UsageError: if it is in no git repository, or in one without a commit.
    """
    root = Path(git(folder, "rev-parse", "--show-toplevel")).resolve()
    prefix = Path(sys.prefix).resolve()
    inside = [
        path for path in map(_resolved, sys.path) if path.is_relative_to(root) and not path.is_relative_to(prefix)
    ]
    try:
        commit = git(root, "rev-parse", "--verify", f"--short={SHORT}", "HEAD")
    except UsageError:
        raise UsageError(f"{root}: this repository has no commit yet") from None
    dirty = bool(git(root, "status", "--porcelain", "--untracked-files=no"))
    packages = tuple(dict.fromkeys(inside))
    asked = map(_resolved, filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep)))
    others = tuple(path for path in asked if not path.is_relative_to(root))
    label = f"{commit} with changes" if dirty else commit
    return Tree(root, packages, Path(sys.executable), label, dirty, others)


@contextmanager
def tree_of(head: Tree, reference: str, place: Path, name: str, option: str) -> Iterator[Tree]:
    """A worktree of any commit, gone again afterwards; one that a killed gate has left is taken away first.

    Args:
        head: the checkout.
        reference: a commit, a branch, a tag.
        place: an empty folder, or one that only gates use.
        name: of the worktree in it.
        option: where the reference was given, for the error.

    Raises:
        UsageError: if there is no such commit, or its environment cannot be made.
    """
    commit = commit_of(head.root, reference, option)
    short = commit[:SHORT]
    label = short if reference.startswith(short) else f"{reference} ({short})"
    root = (place / name).resolve()
    place.mkdir(parents=True, exist_ok=True)
    try:
        _discard(head.root, root)
        git(head.root, "worktree", "add", "--detach", "--force", str(root), commit)
        packages = tuple(root / path.relative_to(head.root) for path in head.packages)
        alike = environment_of(root) == environment_of(head.root)
        python = head.python if alike else _environment(root, place, label)
        yield Tree(root, packages, python, label, others=head.others)
    finally:
        _discard(head.root, root)


def commit_of(root: Path, reference: str, option: str) -> str:
    """The commit that a name stands for.

    Raises:
        UsageError: if there is none.
    """
    try:
        return git(root, "rev-parse", "--verify", "--end-of-options", f"{reference}^{{commit}}")
    except UsageError:
        branches = git(root, "branch", "--all", "--format=%(refname:short)").split()
        known = f"; branches: {', '.join(branches[:8])}" if branches else ""
        if git(root, "rev-parse", "--is-shallow-repository") == "true":
            known += "; this clone is shallow: git fetch --unshallow brings the rest"
        raise UsageError(f"{option} {reference}: no such commit, branch or tag here{known}") from None


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


def _environment(root: Path, place: Path, label: str) -> Path:
    """An environment of a tree's own, kept for the next gate: its dependencies are not those of head."""
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
            _called(command, INSTALLING, f"{label}: its environment cannot be made")
        done.touch()
    return python


def _discard(root: Path, worktree: Path) -> None:
    if worktree.exists():
        _quietly(root, "worktree", "remove", "--force", "--force", str(worktree))
        shutil.rmtree(worktree, ignore_errors=True)
    _quietly(root, "worktree", "prune")


def _quietly(root: Path, *command: str) -> None:
    subprocess.run(["git", "-C", str(root), *command], capture_output=True, timeout=PATIENCE, check=False)


def git(folder: Path, *command: str) -> str:
    """What git prints.

    Raises:
        UsageError: if it fails, in the last line of its own words.
    """
    return _called(["git", "-C", str(folder), *command], PATIENCE, f"git {command[0]}")


def _called(command: list[str], seconds: float, what: str) -> str:
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, errors="surrogateescape", timeout=seconds, check=False
        )
    except FileNotFoundError:
        raise UsageError(f"{what}: there is no program '{command[0]}' here") from None
    except (OSError, subprocess.SubprocessError) as error:
        raise UsageError(f"{what}: {one_line(error)}") from None
    if done.returncode:
        lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
        raise UsageError(f"{what}: {lines[-1] if lines else f'exit code {done.returncode}'}")
    return done.stdout.strip()


def _resolved(path: str) -> Path:
    return Path(path or ".").resolve()
