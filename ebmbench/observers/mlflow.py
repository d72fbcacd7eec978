"""A mirror in MLflow, written behind the run by one thread: it may be late, locked, broken or absent.

One experiment a suite, one parent run a plan, one child run a trial. What has been mirrored is remembered beside the
suite's tables, so that a run that finds everything done imports nothing. Nothing is ever read back.
"""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Callable

from filelock import FileLock

from ebmbench.catalog.hooks import hookimpl
from ebmbench.errors import one_line
from ebmbench.observers.mlflow_memory import Mirrored
from ebmbench.observers.mlflow_mirror import Draw, Mirror, Summarize
from ebmbench.store.runs import RunResult, TrialResult

PATIENCE = 60.0
"""Seconds that the end of a run waits for the mirror."""
GRACE = 20.0
"""Seconds that it then has for what it is at: a thread that is cut within C++ takes the process with it."""


def quiet_environment() -> None:
    """Telemetry off unless somebody turned it on; no job server."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_SERVER_ENABLE_JOB_EXECUTION", "false")
    os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")


class MlflowObserver:
    """Hands the trials to a thread that mirrors them.

    Args:
        warn: is told, once, why the mirror is not written.
        draw: writes a trial's picture to a path, and says whether there was anything to draw.
        summarize: the leaderboard of a run that is over.
    """

    def __init__(self, warn: Callable[[str], None], draw: Draw, summarize: Summarize) -> None:
        self.warn, self.draw, self.summarize = warn, draw, summarize
        self._queue: queue.Queue[TrialResult | RunResult | None] = queue.Queue()
        self._thread: threading.Thread | None = None
        self._error = ""
        self._elsewhere = False
        self._told = False
        self._over = threading.Event()

    @hookimpl
    def ebmbench_run_started(self, result: RunResult, to_run: int) -> None:
        """Mirror what is done already and is not there yet."""
        mirrored = Mirrored(result.store, result.record.suite)
        plan = result.record.plan_id
        ended = {f"{plan}/{trial.view.key}": trial for trial in result.trials if trial.status is not None}
        missing = [trial for place, trial in ended.items() if place not in mirrored.trials]
        if not to_run and not missing and plan in mirrored.parents and mirrored.drawn >= set(ended):
            return
        arguments = (result, mirrored, bool(to_run))
        self._thread = threading.Thread(target=self._work, args=arguments, daemon=True, name="mlflow")
        self._thread.start()
        for trial in missing:
            self._queue.put(trial)

    @hookimpl
    def ebmbench_trial_finished(self, trial: TrialResult) -> None:
        """Mirror it when the thread gets to it."""
        if self._thread is not None:
            self._queue.put(trial)

    @hookimpl
    def ebmbench_run_finished(self, result: RunResult) -> None:
        """Give the mirror some time to catch up."""
        if self._thread is None:
            return
        self._queue.put(result)
        self._queue.put(None)
        self._thread.join(1.0)
        if self._elsewhere:
            self.warn("mlflow: another run is writing to the mirror; the next run goes on with it")
            return
        self._thread.join(PATIENCE)
        if self._thread.is_alive():
            what = "all pictures are drawn" if self._told else "all is mirrored"
            self._over.set()
            self._thread.join(GRACE)
            self.warn(f"mlflow: not {what} after {PATIENCE:g} s; the next run goes on with it")
        elif self._error:
            self.warn(f"mlflow: not mirrored: {self._error}")

    def _work(self, result: RunResult, mirrored: Mirrored, working: bool) -> None:
        try:
            quiet_environment()
            self._elsewhere = True
            with FileLock(mirrored.path.with_name(".mirror.lock")):
                self._elsewhere = False
                mirrored.load()  # another run may have written to it while this one waited
                mirror = Mirror(result, mirrored, self.draw, self.summarize, working)
                while (item := self._next(mirror)) is not None:
                    if isinstance(item, RunResult):
                        mirror.finish(item)
                    else:
                        mirror.add(item)
                mirror.close()
                self._told = True
                while not self._over.is_set() and mirror.draw_next():
                    pass
                mirror.save()
        except Exception as error:  # noqa: BLE001 - the mirror never fails a run; the reason is shown at its end
            self._error = one_line(error)

    def _next(self, mirror: Mirror) -> TrialResult | RunResult | None:
        """What is waiting; nothing more when patience is over.

        Numbers go first: while none wait pictures are drawn, which take ten times as long.
        """
        while not self._over.is_set():
            try:
                return self._queue.get_nowait()
            except queue.Empty:
                if not mirror.draw_next():
                    return self._queue.get()
        return None
