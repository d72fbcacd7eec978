"""The trial store: one folder a key, written by temporary name and rename, ``DONE`` last."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, TypeAdapter, ValidationError

from ebmbench.contracts import Status
from ebmbench.store.records import POINT, Attempt, Measurements, MetricCell, Point, Training, TrialSpec
from ebmbench.suite.errors import UsageError

M = TypeVar("M", bound=BaseModel)
T = TypeVar("T")
ATTEMPT = TypeAdapter(Attempt)

UNSEALED = ("DONE", "attempts.jsonl", "log.txt")
"""Files that may still be written to when a trial is done."""
SNAPSHOT = "snapshot.pt"
"""Where a training stood when it was last kept."""
STALE = (
    "TRAINED",
    "DONE",
    "model.pt",
    "metrics.json",
    "curve.jsonl",
    "milestones.npz",
    "samples.npz",
    "surface.npz",
    "log.txt",
)


def write_atomic(path: Path, content: str | bytes) -> None:
    """Write beside, flush to disk, rename: a reader sees the old file or the new one, never half of one."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    data = content.encode() if isinstance(content, str) else content
    with temporary.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def append_line(path: Path, text: str) -> None:
    """Append one line in a single write."""
    with path.open("ab") as file:
        file.write(text.encode() + b"\n")


def digest(path: Path) -> str:
    """sha256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


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
        too: it goes on from there.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        keep = self.training() is not None
        for name in STALE:
            if not keep or name in ("DONE", "log.txt"):
                self.file(name).unlink(missing_ok=True)
        for leftover in self.path.glob(".*.tmp"):
            leftover.unlink(missing_ok=True)
        write_atomic(self.file("trial.json"), spec.model_dump_json(indent=1))

    def forget(self) -> None:
        """Drop everything but the attempts, so that it is trained again."""
        for name in (*STALE, SNAPSHOT):
            self.file(name).unlink(missing_ok=True)

    def spec(self) -> TrialSpec | None:
        """What trial it is."""
        return self._read("trial.json", TrialSpec)

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

    def finish(self, attempt: Attempt) -> None:
        """Record how the attempt ended, then mark the folder as done with the size and hash of each file."""
        append_line(self.file("attempts.jsonl"), attempt.model_dump_json())
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
        """How it ended; None when it did not, or when its small files are not what they were."""
        try:
            done = json.loads(self.file("DONE").read_text())
            for name, facts in done["files"].items():
                if (
                    os.stat(f"{self.path}/{name}").st_size != facts["size"]
                ):  # a path object a file costs more than the call
                    return None
            for name in ("trial.json", "metrics.json", "TRAINED"):
                if name in done["files"] and digest(self.file(name)) != done["files"][name]["sha256"]:
                    return None
            return Status(done["status"])
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None

    def verified(self, name: str) -> Path:
        """A file whose hash is the one that ``DONE`` holds.

        Raises:
            UsageError: if it is missing or not what was written.
        """
        path = self.file(name)
        try:
            facts = json.loads(self.file("DONE").read_text())["files"][name]
            if digest(path) == facts["sha256"]:
                return path
        except (OSError, ValueError, KeyError, TypeError):
            pass
        raise UsageError(f"{path}: missing, or not what was written; run the suite again")

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

    def trial(self, key: str) -> TrialFolder:
        """The folder of a key."""
        return TrialFolder(self.root / "trials" / key[:2] / key)

    def suite(self, name: str) -> Path:
        """The folder of a suite's tables."""
        return self.root / name

    def run(self, suite: str, run_id: str) -> Path:
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
