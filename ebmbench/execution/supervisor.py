"""Keeps an executor busy with trials until none is left; whatever ends is recorded, and takes nothing along."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

from filelock import FileLock

from ebmbench.contracts.records import Status
from ebmbench.execution.executor import Ended, Executor
from ebmbench.store.files import last_lines
from ebmbench.store.folders import Store, TrialFolder
from ebmbench.store.records import Attempt, TrialSpec
from ebmbench.training.machine import machine_id

POLL_INTERVAL = 0.1
"""Seconds between two looks at the running trials."""
ASK_INTERVAL = 1.0
"""Seconds until a trial that another run works on is asked for again."""
LOG_LINES = 50


@dataclass(frozen=True)
class Job:
    """A trial to be run, if it is not done by then.

    Attributes:
        spec: the trial.
        retry: an attempt that did not end well is made again.
        fresh: whatever there is of it is dropped.
    """

    spec: TrialSpec
    retry: bool = False
    fresh: bool = False

    @property
    def name(self) -> str:
        """What it is called in messages."""
        spec = self.spec
        return f"{spec.method.name}/{spec.dataset.name}/{spec.seed}/{spec.device.name}"


@dataclass(frozen=True)
class Running:
    """A trial at work, and the claim that this run has on it."""

    job: Job
    folder: TrialFolder
    claim: FileLock
    n_concurrent: int
    started: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))
    begun: float = field(default_factory=time.monotonic)


class Supervisor:
    """Keeps ``workers`` trials running until none is left.

    Several may work on one store: each trial is claimed by one of them, and the others wait for what came of it.
    A worker that somebody killed (SIGKILL, and not by us) is started once more: it goes on from its last snapshot.

    Args:
        store: where the trials are.
        workers: how many at a time.
        executor: runs them.
        notice: is told what a person would want to know.
    """

    def __init__(
        self, store: Store, workers: int, executor: Executor, notice: Callable[[str], None] = lambda text: None
    ) -> None:
        self.store, self.workers, self.executor, self._notice = store, workers, executor, notice
        self._waiting: deque[Job] = deque()
        self._elsewhere: list[Job] = []
        self._asked = 0.0
        self._running: dict[str, Running] = {}
        self._restarted: set[str] = set()
        self._told: set[str] = set()

    def run(self, jobs: Iterable[Job], started: Callable[[str], None] = lambda key: None) -> Iterator[str]:
        """Run the trials; the key of each as it ends, however it ended (its folder says how).

        Raises:
            EngineLost: if the executor can run nothing any more.
        """
        coming = iter(jobs)  # a record at a time: there may be a hundred thousand of them
        try:
            while True:
                self._ask_again()
                while len(self._running) < self.workers:
                    job = self._waiting.popleft() if self._waiting else next(coming, None)
                    if job is None:
                        break
                    yield from self._begin(job, started)
                if self._running:
                    for ended in self.executor.poll(POLL_INTERVAL):
                        yield from self._end(ended)
                elif self._elsewhere:
                    time.sleep(POLL_INTERVAL)
                elif not self._waiting:
                    return
        finally:
            self.close()

    def close(self) -> None:
        """End what runs; what had not ended will be run again."""
        self.executor.close()
        for running in self._running.values():
            running.claim.release()
        self._running.clear()

    def _ask_again(self) -> None:
        """Now and then, see whether other runs have done with their trials."""
        if self._elsewhere and time.monotonic() - self._asked > ASK_INTERVAL:
            self._waiting.extend(self._elsewhere)
            self._elsewhere.clear()
            self._asked = time.monotonic()

    def _begin(self, job: Job, started: Callable[[str], None]) -> Iterator[str]:
        """Start with the trial, unless another run works on it, or has done it by now."""
        key, folder = job.spec.key, self.store.trial_folder(job.spec.key)
        claim = folder.claim()
        if claim is None:
            if key not in self._told:
                self._told.add(key)
                self._notice(f"{job.name}: another run works on it; this one takes over what comes of it")
            # what it will have left is new, however it ended
            self._elsewhere.append(Job(job.spec))
            return
        try:
            if not job.retry and not job.fresh and folder.finished(job.spec):
                yield key
                return
            self._prepare(folder, job)
            n_concurrent = len(self._running)
            started(key)
            self.executor.submit(key, folder.path.resolve(), n_concurrent)
            self._running[key] = Running(job, folder, claim, n_concurrent)
        finally:
            if key not in self._running:
                claim.release()

    def _prepare(self, folder: TrialFolder, job: Job) -> None:
        """Make the folder ready: what is damaged is set aside, what is to be forgotten goes."""
        _, damage = folder.check()
        if damage:
            place = folder.quarantine(self.store)
            self._notice(f"{job.name}: {damage}; set aside in {place}, and run again")
        if job.fresh:
            folder.forget()
        folder.begin(job.spec)

    def _end(self, ended: Ended) -> Iterator[str]:
        """Make sure that the folder says how the trial ended; its key, if that was the end of it."""
        running = self._running.pop(ended.key)
        try:
            if running.folder.status() is not None:
                yield ended.key
                return
            attempt = _cut_short(running, ended)
            if ended.signal == "SIGKILL" and ended.verdict is None and ended.key not in self._restarted:
                self._restarted.add(ended.key)
                running.folder.record(attempt)
                self._notice(f"{running.job.name}: its worker was killed; it is started once more")
                self._waiting.appendleft(Job(running.job.spec))
                return
            running.folder.finish(attempt)
            yield ended.key
        finally:
            running.claim.release()


def _cut_short(running: Running, ended: Ended) -> Attempt:
    """The record of an attempt whose worker left none."""
    status = ended.verdict or Status.CRASHED
    how = f"killed by {ended.signal}" if ended.signal else f"exited with code {ended.code} and no result"
    return Attempt(
        status=status,
        error_type={Status.TIMEOUT: "Timeout", Status.OOM: "MemoryCap"}.get(status, "Crash"),
        message=ended.reason or how,
        exit_code=ended.code,
        signal=ended.signal,
        stderr=last_lines(running.folder.file("log.txt"), LOG_LINES),
        started=running.started,
        total_seconds=time.monotonic() - running.begun,
        n_concurrent=running.n_concurrent,
        machine_id=machine_id(),
    )
