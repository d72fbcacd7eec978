"""What a run was made with: the commit, the versions."""

from __future__ import annotations

import platform
import re
import subprocess
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from ebmbench.store.records import Revision, RunRecord
from ebmbench.training.machine import machine_facts

PACKAGES = ("ebmbench", "torch", "numpy", "scipy", "scikit-learn", "pandas")
PATIENCE = 5.0
"""Seconds that git is waited for."""


def reopened(record: RunRecord, before: RunRecord | None, working: bool, *folders: Path) -> RunRecord:
    """A run as it is recorded when it begins.

    Args:
        record: what is planned.
        before: the same plan's run, if there was one: its id and its beginning stay.
        working: whether anything is to be made. If not, commit, versions and machine stay those of before.
        folders: the commit is of the first that is in a repository.
    """
    facts: dict[str, object] = {"revision": revision(*folders), "versions": versions(), "machine": machine_facts()}
    if before is not None:
        facts |= {"run_id": before.run_id, "started": before.started}
        if not working and before.versions:
            facts |= {"revision": before.revision, "versions": before.versions, "machine": before.machine}
    return record.model_copy(update=facts)


def revision(*folders: Path) -> Revision | None:
    """The commit of the first of the folders that is in a git repository; None if none is, or there is no git."""
    for folder in folders:
        commit = _git(folder, "rev-parse", "HEAD")
        if commit:
            return Revision(commit=commit, dirty=bool(_git(folder, "status", "--porcelain", "--untracked-files=no")))
    return None


def commit_date(commit: str, *folders: Path) -> datetime | None:
    """When a commit was made, by the first of the folders whose repository has it; None if none has."""
    if not re.fullmatch("[0-9a-f]{7,64}", commit):
        return None
    dates = (_git(folder, "show", "--no-patch", "--format=%cI", commit) for folder in folders)
    return next((datetime.fromisoformat(date) for date in dates if date), None)


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
