"""What of this machine, environment and results folder could spoil a run, and what to do about it."""

from __future__ import annotations

import os
import shutil
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from enum import StrEnum
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

import numpy as np
from filelock import FileLock, Timeout
from packaging.requirements import Requirement

from ebmbench.catalog.catalog import Catalog
from ebmbench.errors import one_line
from ebmbench.training.machine import usable_cores

BUSY = 0.5
"""Cores at work for something else from which on seconds are not to be trusted."""
NOISY = 1.2
"""How many times the lower quartile of the same work its upper quartile may take."""
LITTLE = 2_000_000_000
"""Bytes of a disk that are soon full."""
WORK, REPEATS = 20_000, 40


class State(StrEnum):
    """How bad it is."""

    OK = "ok"
    DOUBTFUL = "doubtful"
    BAD = "bad"


@dataclass(frozen=True)
class Sign:
    """One thing that was looked at: what it is, how it is, and what to do about it."""

    title: str
    state: State
    said: str
    advice: str = ""


def examined(results: Path, catalog: Catalog) -> Iterator[Sign]:
    """Everything, one thing after the other. What cannot be looked at is a sign too."""
    looks: list[tuple[str, Callable[[], Sign]]] = [
        ("python", _python),
        ("packages", _packages),
        ("devices", _devices),
        ("threads", _threads),
        ("load", _load),
        ("timer", _timer),
        ("disk", lambda: _disk(results)),
        ("locks and renames", lambda: _file_system(results)),
        ("mlflow", lambda: _mlflow(results)),
        ("plugins", lambda: _plugins(catalog)),
    ]
    for title, look in looks:
        try:
            yield look()
        except Exception as error:  # noqa: BLE001 - whatever stands in the way is what is to be told
            yield Sign(title, State.BAD, one_line(error), "it could not be looked at; the error says why")


def _python() -> Sign:
    return Sign("python", State.OK, f"{sys.version.split()[0]}, ebmbench {version('ebmbench')}")


def _packages() -> Sign:
    """What ebmbench asks for, against what is installed."""
    wrong, found = [], []
    for line in requires("ebmbench") or ():
        needed = Requirement(line)
        if needed.marker is not None and not needed.marker.evaluate({"extra": ""}):
            continue
        try:
            there = version(needed.name)
        except PackageNotFoundError:
            wrong.append(f"{needed.name} is missing")
            continue
        found.append(there)
        if not needed.specifier.contains(there, prereleases=True):
            wrong.append(f"{needed.name} {there} is not {needed.specifier}")
    if wrong:
        return Sign("packages", State.BAD, "; ".join(wrong), "pip install -c constraints.txt ebmbench")
    return Sign("packages", State.OK, f"all {len(found)} that are needed; torch {version('torch')}")


def _devices() -> Sign:
    import torch

    found = ["cpu"]
    if torch.cuda.is_available():
        found += [f"cuda:{k} ({torch.cuda.get_device_name(k)})" for k in range(torch.cuda.device_count())]
    if torch.backends.mps.is_available():
        found.append("mps")
    return Sign("devices", State.OK, f"{', '.join(found)}; {usable_cores()} cores")


def _threads() -> Sign:
    """Each trial has a process of its own: more threads than one fight for the same cores."""
    asked = os.environ.get("OMP_NUM_THREADS")
    if asked is not None and asked != "1":
        said = f"OMP_NUM_THREADS={asked[:20]}"
        advice = "unset it: the workers of a run have one thread each, or what `threads` of a device profile says"
        return Sign("threads", State.DOUBTFUL, said, advice)
    return Sign("threads", State.OK, "one a trial, as many trials at a time as there are cores")


def _load() -> Sign:
    load = os.getloadavg()[0]
    if load > BUSY:
        advice = "seconds of runs are marked, and those of a gate take longer to decide; wait, or end what runs there"
        return Sign("load", State.DOUBTFUL, f"{load:.1f} cores are at work in the last minute", advice)
    return Sign("load", State.OK, f"{load:.1f} cores are at work")


def _timer() -> Sign:
    """The same work again and again, by the processor's clock."""
    taken = []
    for _ in range(REPEATS):
        begun = time.process_time()
        sum(k * k for k in range(WORK))
        taken.append(time.process_time() - begun)
    low, high = np.quantile(taken, [0.25, 0.75])
    ratio = float(high / low)
    said = f"the same work takes {1e3 * low:.2f} to {1e3 * high:.2f} ms of the processor (quartiles)"
    if ratio > NOISY:
        advice = "compare seconds by `ebmbench gate` alone, which takes turns; after `ebmbench gate --calibrate`"
        return Sign("timer", State.DOUBTFUL, said, advice)
    return Sign("timer", State.OK, said)


def _disk(results: Path) -> Sign:
    place = next(folder for folder in (results.resolve(), *results.resolve().parents) if folder.is_dir())
    free = shutil.disk_usage(place).free
    said = f"{free / 1e9:.1f} GB are free at {place}"
    if free < LITTLE:
        return Sign("disk", State.DOUBTFUL, said, "a trial keeps about a megabyte; --results names another folder")
    return Sign("disk", State.OK, said)


def _file_system(results: Path) -> Sign:
    """A lock that holds, and a rename that replaces: what the store stands on."""
    results.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".doctor-", dir=results) as folder:
        first, second = FileLock(Path(folder) / "lock", timeout=0), FileLock(Path(folder) / "lock", timeout=0)
        with first:
            try:
                with second:
                    held = False
            except Timeout:
                held = True
        old, new = Path(folder) / "old", Path(folder) / "new"
        old.write_text("old")
        new.write_text("new")
        os.replace(new, old)
        replaced = old.read_text() == "new" and not new.exists()
    if held and replaced:
        return Sign("locks and renames", State.OK, f"both work in {results}")
    said = f"{results}: " + " and ".join(
        [*([] if held else ["a lock does not hold"]), *([] if replaced else ["a rename does not replace"])]
    )
    return Sign("locks and renames", State.BAD, said, "choose a local folder for --results")


def _mlflow(results: Path) -> Sign:
    file = results / "mlflow.db"
    if not file.is_file():
        return Sign("mlflow", State.OK, "no mirror yet; the first run makes it")
    with closing(sqlite3.connect(f"file:{file.resolve()}?mode=ro", uri=True)) as store:
        (said,) = store.execute("PRAGMA quick_check(1)").fetchone()
        (runs,) = store.execute("SELECT count(*) FROM runs").fetchone()
    if said != "ok":
        advice = f"move {file} away: it is a mirror, and the next run of a suite makes it anew"
        return Sign("mlflow", State.BAD, f"{file}: {said}", advice)
    return Sign("mlflow", State.OK, f"{runs} runs in {file}")


def _plugins(catalog: Catalog) -> Sign:
    """Those that break, and names that two of them claim."""
    wrong = [f"{broken.owner}: {broken.error}" for broken in catalog.broken]
    if wrong:
        advice = "ebmbench check PLUGIN says more; EBMBENCH_DISABLE_PLUGINS=name leaves one out"
        return Sign("plugins", State.BAD, "; ".join(wrong), advice)
    return Sign("plugins", State.OK, f"{len(catalog.plugins)} work, and no name is claimed twice")
