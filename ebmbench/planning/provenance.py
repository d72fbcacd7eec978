"""What a run was made with: the commit, the versions."""

from __future__ import annotations

import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from ebmbench.store.records import Revision

PACKAGES = ("ebmbench", "torch", "numpy", "scipy", "scikit-learn", "pandas")
PATIENCE = 5.0
"""Seconds that git is waited for."""


def revision(*folders: Path) -> Revision | None:
    """The commit of the first of the folders that is in a git repository; None if none is, or there is no git."""
    for folder in folders:
        commit = _git(folder, "rev-parse", "HEAD")
        if commit:
            return Revision(commit=commit, dirty=bool(_git(folder, "status", "--porcelain", "--untracked-files=no")))
    return None


def _git(folder: Path, *command: str) -> str:
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *command], capture_output=True, text=True, timeout=PATIENCE, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip()


def versions() -> dict[str, str]:
    """Those of Python and of the packages that make numbers and tables."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found
