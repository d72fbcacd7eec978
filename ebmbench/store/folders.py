"""The trial store: one folder a key, written by temporary name and rename, ``DONE`` last.

Who writes in a trial's folder has claimed it: one run at a time, and of its workers one at a time. A claim is a lock
of the system's, which ends with its process, however that ends.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

from filelock import FileLock, Timeout
from pydantic import BaseModel, TypeAdapter, ValidationError

from ebmbench.contracts.records import Status
from ebmbench.errors import UsageError
from ebmbench.store.files import append_line, digest, size_of, write_atomic
from ebmbench.store.records import POINT, Attempt, Measurements, MetricCell, Parameters, Point, Training, TrialSpec

M = TypeVar("M", bound=BaseModel)
T = TypeVar("T")
ATTEMPT = TypeAdapter(Attempt)

DEFAULT_RESULTS = Path("results")
"""The store, unless another is named."""
UNSEALED = ("DONE", "log.txt")
"""Files that may still be written to when a trial is done."""
RECORDS = ("trial.json", "TRAINED", "metrics.json", "curve.jsonl", "attempts.jsonl")
"""Files that tables are made of: their hashes are looked at in each run."""
SPOILED = ".spoiled"
"""Ends the name of an artifact that was not what had been written when it was read."""
SNAPSHOT = "snapshot.pt"
"""Where a training stood when it was last kept."""
MILESTONES = "milestones.pt"
"""The surfaces on the way."""
STALE = (
    "TRAINED",
    "DONE",
    "model.pt",
    "metrics.json",
    "curve.jsonl",
    "samples.npz",
    "surface.npz",
    "log.txt",
)


class TrialFolder:
    """The folder of one trial."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def file(self, name: str) -> Path:
        """A file in it."""
        return self.path / name

    def begin(self, spec: TrialSpec) -> None:
        """Make the folder ready for a worker: trial.json, and nothing left of an attempt that did not end.

        What is trained stays: only the metrics are then to be measured. The snapshot of a training that was cut stays
        too, and its milestones: it goes on from there.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        training = self.training()
        keep = training is not None and self._is_what_was_trained(training)
        for name in STALE:
            if not keep or name in ("DONE", "log.txt"):
                self.file(name).unlink(missing_ok=True)
        for leftover in self.path.glob(".*.tmp"):
            leftover.unlink(missing_ok=True)
        write_atomic(self.file("trial.json"), spec.model_dump_json(indent=1))

    def forget(self) -> None:
        """Drop everything but the attempts, so that it is trained again."""
        for name in (*STALE, SNAPSHOT, MILESTONES):
            self.file(name).unlink(missing_ok=True)

    def spec(self) -> TrialSpec | None:
        """What trial it is."""
        return self._read("trial.json", TrialSpec)

    def parameters(self) -> dict[str, Any] | None:
        """Those of its method."""
        found = self._read("trial.json", Parameters)
        return None if found is None else found.values

    def training(self) -> Training | None:
        """What training cost; None when it has not ended well."""
        return self._read("TRAINED", Training)

    def measurements(self) -> Measurements | None:
        """What was measured."""
        return self._read("metrics.json", Measurements)

    def attempts(self) -> list[Attempt]:
        """All attempts so far, oldest first."""
        return self._lines("attempts.jsonl", ATTEMPT)

    def curve(self) -> list[Point]:
        """The values at the milestones."""
        return self._lines("curve.jsonl", POINT)

    def claim(self) -> FileLock | None:
        """The right of one run to work on the trial, to be released when it has ended; None while another has it."""
        self.path.mkdir(parents=True, exist_ok=True)
        lock = FileLock(self.file(".run.lock"))
        try:
            lock.acquire(blocking=False)
        except Timeout:
            return None
        return lock

    def working(self) -> FileLock:
        """What a worker holds while it writes: a killed run may be gone on with before its worker is quite dead."""
        return FileLock(self.file(".worker.lock"))

    def quarantine(self, store: Store) -> Path:
        """Move what there is to a folder of its own under ``quarantine``, where a person may look at it; its path."""
        places = (store.root / "quarantine" / f"{self.path.name}-{n}" for n in itertools.count(1))
        place = next(place for place in places if not place.exists())
        place.mkdir(parents=True)
        for path in self.path.iterdir():
            if path.suffix != ".lock":
                path.rename(place / path.name)
        return place

    def record(self, attempt: Attempt) -> None:
        """Record how an attempt ended."""
        append_line(self.file("attempts.jsonl"), attempt.model_dump_json())

    def finish(self, attempt: Attempt) -> None:
        """Record how the last attempt ended, then mark the folder as done with the size and hash of each file."""
        self.record(attempt)
        self.seal(attempt.status)

    def seal(self, status: Status) -> None:
        """Write ``DONE``."""
        files = {
            path.name: {"size": path.stat().st_size, "sha256": digest(path)}
            for path in sorted(self.path.iterdir())
            if path.name not in UNSEALED and not path.name.startswith(".")
        }
        write_atomic(self.file("DONE"), json.dumps({"status": status, "files": files}, indent=1))

    def status(self) -> Status | None:
        """How it ended; None when it did not, or when it is damaged."""
        return self.check()[0]

    def check(self) -> tuple[Status | None, str]:
        """How it ended, None when it did not; and what is not as it was written then, empty when all is.

        All files are held against their sizes, and those that tables are made of against their hashes; ``verified``
        does so for the others, when they are read.
        """
        try:
            content = self.file("DONE").read_bytes()
        except OSError:
            return None, ""
        try:
            done = json.loads(content)
            status = Status(done["status"])
            for name, facts in done["files"].items():
                size, expected = facts["size"], facts["sha256"]
                found = size_of(f"{self.path}/{name}")  # a path object a file would cost more than the call
                if found is None:
                    return None, f"{name} is missing"
                if found != size:
                    return None, f"{name} has {found} bytes, not the {size} that were written"
                if name in RECORDS and digest(self.file(name)) != expected:
                    return None, f"{name} is not what was written"
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None, "DONE is not what was written"
        return status, ""

    def finished(self, spec: TrialSpec) -> bool:
        """Whether nothing is left to do: it ended (not because its code had changed) and its metrics are there."""
        status = self.status()
        if status is Status.OK:
            return not missing_metrics(spec.metrics, self.measurements(), retry_errors=False)
        attempts = self.attempts()
        return status is not None and not (attempts and attempts[-1].outdated)

    def verified(self, name: str) -> Path:
        """A file whose hash is the one that ``DONE`` holds. One that is damaged is renamed: the next run sees it.

        Raises:
            UsageError: if it is missing or not what was written.
        """
        path = self.file(name)
        try:
            facts = json.loads(self.file("DONE").read_text())["files"][name]
            if digest(path) == facts["sha256"]:
                return path
            with contextlib.suppress(OSError):
                path.rename(path.with_name(name + SPOILED))
        except (OSError, ValueError, KeyError, TypeError):
            pass
        raise UsageError(f"{path}: missing, or not what was written; run the suite again")

    def _is_what_was_trained(self, training: Training) -> bool:
        try:
            return all(digest(self.file(name)) == expected for name, expected in training.sha256.items())
        except OSError:
            return False

    def _read(self, name: str, model: type[M]) -> M | None:
        try:
            return model.model_validate_json(self.file(name).read_bytes())
        except (OSError, ValidationError):
            return None

    def _lines(self, name: str, record: TypeAdapter[T]) -> list[T]:
        try:
            lines = self.file(name).read_bytes().splitlines()
        except OSError:
            return []
        found = []
        for line in lines:
            try:
                found.append(record.validate_json(line))
            except ValidationError:
                continue  # the last line of a killed worker may be half a line
        return found


class Store:
    """A results folder: trials by key, runs by suite."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def prepare(self) -> None:
        """Make the folder and see that it can be written to.

        Raises:
            UsageError: if it cannot.
        """
        try:
            (self.root / "trials").mkdir(parents=True, exist_ok=True)
            probe = self.root / "trials" / f".probe.{os.getpid()}"
            probe.write_bytes(b"")
            probe.unlink()
        except OSError as error:
            raise UsageError(f"results folder {self.root}: cannot be written to: {error.strerror}") from None

    def trial_folder(self, key: str) -> TrialFolder:
        """The folder of a key."""
        return TrialFolder(self.root / "trials" / key[:2] / key)

    def suite_dir(self, name: str) -> Path:
        """The folder of a suite's tables."""
        return self.root / name

    def run_dir(self, suite: str, run_id: str) -> Path:
        """The folder of one run's tables."""
        return self.root / suite / "runs" / run_id

    def keep_plugin(self, file: Path) -> str:
        """Copy a single-file plugin into the store by content; its path there, relative to the store."""
        content = file.read_bytes()
        relative = Path("plugins") / hashlib.sha256(content).hexdigest()[:16] / file.name
        target = self.root / relative
        if not target.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            write_atomic(target, content)
        return relative.as_posix()

    @property
    def tables(self) -> Path:
        """The folder of the rows that users brought, by content."""
        return self.root / "data"

    def keep_table(self, name: str, content: bytes) -> Path:
        """Put a file of rows under the name of its content; a damaged one is replaced. Its path."""
        target = self.tables / name
        if not (target.is_file() and target.read_bytes() == content):
            target.parent.mkdir(parents=True, exist_ok=True)
            write_atomic(target, content)
        return target


def missing_metrics(metrics: Sequence[MetricCell], measured: Measurements | None, retry_errors: bool) -> list[str]:
    """The metrics of a trial that were not measured, or not by the code of today; and those that raised, if asked."""
    if measured is None:
        return [cell.name for cell in metrics]
    failed = {value.metric for value in measured.values if retry_errors and value.note.startswith("error:")}
    return [cell.name for cell in metrics if measured.code.get(cell.name) != cell.code or cell.name in failed]
