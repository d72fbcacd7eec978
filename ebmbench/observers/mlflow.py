"""A mirror in MLflow, written behind the run by one thread: it may be late, locked, broken or absent.

One experiment a suite, one parent run a plan, one child run a trial. What has been mirrored is remembered beside the
suite's tables, so that a run that finds everything done imports nothing. Nothing is ever read back.
"""

from __future__ import annotations

import json
import os
import queue
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from filelock import FileLock

from ebmbench.catalog.hooks import hookimpl
from ebmbench.contracts.records import Status, flat_name
from ebmbench.errors import one_line
from ebmbench.store.files import write_atomic
from ebmbench.store.folders import Store
from ebmbench.store.runs import SUMS, RunResult, TrialResult

Draw = Callable[[TrialResult, Path], bool]

PATIENCE = 60.0
"""Seconds that the end of a run waits for the mirror."""
MAX_METRICS, MAX_PARAMS = 1000, 100
MAX_VALUE_LENGTH = 6000


def quiet_environment() -> None:
    """Telemetry off unless somebody turned it on; no job server."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_SERVER_ENABLE_JOB_EXECUTION", "false")
    os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")


def database(store: Store) -> str:
    """The address of the tracking store: ``MLFLOW_TRACKING_URI`` if it is set, else a database among the results."""
    return os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{(store.root / 'mlflow.db').resolve()}"


class Mirrored:
    """Which trials of which plans are in the mirror: ``mlflow.json`` beside the suite's tables."""

    def __init__(self, store: Store, suite: str) -> None:
        self.path = store.suite_dir(suite) / "mlflow.json"
        self.store = store
        self.parents: dict[str, str] = {}
        self.trials: dict[str, str] = {}
        self.load()

    def load(self) -> None:
        """Read what was remembered."""
        uri = database(self.store)
        if uri.startswith("sqlite:///") and not Path(uri.removeprefix("sqlite:///")).exists():
            return
        try:
            stored = json.loads(self.path.read_text())
            if stored["uri"] == uri:
                self.parents, self.trials = dict(stored["parents"]), dict(stored["trials"])
        except (OSError, ValueError, KeyError, TypeError):
            return

    def save(self) -> None:
        """Remember."""
        stored = {"uri": database(self.store), "parents": self.parents, "trials": self.trials}
        write_atomic(self.path, json.dumps(stored, indent=1))


class MlflowObserver:
    """Hands the trials to a thread that mirrors them.

    Args:
        warn: is told, once, why the mirror is not written.
        draw: writes a trial's picture to a path, and says whether there was anything to draw.
    """

    def __init__(self, warn: Callable[[str], None], draw: Draw) -> None:
        self.warn, self.draw = warn, draw
        self._queue: queue.Queue[TrialResult | RunResult | None] = queue.Queue()
        self._thread: threading.Thread | None = None
        self._error = ""
        self._elsewhere = False

    @hookimpl
    def ebmbench_run_started(self, result: RunResult, to_run: int) -> None:
        """Mirror what is done already and is not there yet."""
        mirrored = Mirrored(result.store, result.record.suite)
        plan = result.record.plan_id
        missing = [t for t in result.trials if t.status is not None and f"{plan}/{t.view.key}" not in mirrored.trials]
        if not to_run and not missing and plan in mirrored.parents:
            return
        self._thread = threading.Thread(target=self._work, args=(result, mirrored), daemon=True, name="mlflow")
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
            self.warn(f"mlflow: not all is mirrored after {PATIENCE:g} s; the next run goes on with it")
        elif self._error:
            self.warn(f"mlflow: not mirrored: {self._error}")

    def _work(self, result: RunResult, mirrored: Mirrored) -> None:
        try:
            quiet_environment()
            self._elsewhere = True
            with FileLock(mirrored.path.with_name(".mirror.lock")):
                self._elsewhere = False
                mirrored.load()  # another run may have written to it while this one waited
                mirror = Mirror(result, mirrored, self.draw)
                while (item := self._queue.get()) is not None:
                    if isinstance(item, RunResult):
                        mirror.finish(item)
                    else:
                        mirror.add(item)
                mirror.close()
        except Exception as error:  # noqa: BLE001 - the mirror never fails a run; the reason is shown at its end
            self._error = one_line(error)


class Mirror:
    """One plan's parent run and its children."""

    def __init__(self, result: RunResult, mirrored: Mirrored, draw: Draw) -> None:
        import logging

        from mlflow import MlflowClient

        logging.getLogger("alembic").setLevel(logging.WARNING)
        logging.getLogger("mlflow").setLevel(logging.ERROR)
        self.result, self.mirrored, self.draw = result, mirrored, draw
        self.plan = result.record.plan_id
        self.client = MlflowClient(tracking_uri=database(result.store))
        self.experiment = self._experiment()
        self.parent = self._parent()
        self._saved = time.monotonic()

    def _experiment(self) -> str:
        name = f"ebmbench/{self.result.record.suite}"
        found = self.client.get_experiment_by_name(name)
        if found is not None:
            return str(found.experiment_id)
        place = (self.result.store.root / "mlartifacts" / self.result.record.suite).resolve().as_uri()
        return str(self.client.create_experiment(name, artifact_location=place))

    def _parent(self) -> str:
        known = self.mirrored.parents.get(self.plan)
        if known is not None:
            self.client.update_run(known, status="RUNNING")
            self._recall(known)
            return known
        record = self.result.record
        tags = {
            "mlflow.runName": record.run_id,
            "ebmbench.plan_id": record.plan_id,
            "ebmbench.run_id": record.run_id,
            "ebmbench.suite": record.suite,
        }
        run = self.client.create_run(self.experiment, tags=tags, start_time=_milliseconds(record.started))
        self.mirrored.parents[self.plan] = run.info.run_id
        self.mirrored.save()
        return str(run.info.run_id)

    def _recall(self, parent: str) -> None:
        """What there is of the plan is remembered anew: a killed run could not. What it left half written goes."""
        query = f"tags.`mlflow.parentRunId` = '{parent}'"
        children, token = {}, ""
        while True:
            page = self.client.search_runs([self.experiment], query, max_results=1000, page_token=token or None)
            for child in page:  # the newest first
                place = f"{self.plan}/{child.data.tags.get('ebmbench.trial_key')}"
                if child.info.status == "RUNNING" or place in children:
                    self.client.delete_run(child.info.run_id)
                else:
                    children[place] = child.info.run_id
            if not page.token:
                break
            token = page.token
        others = {place: run for place, run in self.mirrored.trials.items() if not place.startswith(f"{self.plan}/")}
        self.mirrored.trials = {**others, **children}

    def add(self, trial: TrialResult) -> None:
        """A child run for the trial; one that failed before is replaced when it ends otherwise."""
        place = f"{self.plan}/{trial.view.key}"
        if place in self.mirrored.trials:
            self.client.delete_run(self.mirrored.trials[place])
        last = trial.attempts[-1] if trial.attempts else None
        start = _milliseconds(last.started if last else self.result.record.started)
        run_id = self.client.create_run(self.experiment, start_time=start, tags=_tags(trial, self.parent)).info.run_id
        self._log(run_id, trial, start)
        self._draw(run_id, trial)
        end = start + round(1000 * (last.total_seconds if last else 0))
        self.client.set_terminated(run_id, "FINISHED" if trial.status is Status.OK else "FAILED", end_time=end)
        self.mirrored.trials[place] = run_id
        if time.monotonic() - self._saved > 5:
            self.mirrored.save()
            self._saved = time.monotonic()

    def _log(self, run_id: str, trial: TrialResult, start: int) -> None:
        from mlflow.entities import Metric, Param

        metrics = [
            Metric(name, value, start + round(1000 * seconds), step)
            for name, value, seconds, step in _metrics(trial, self.result.numbers(trial))
        ]
        params = [Param(name, value[:MAX_VALUE_LENGTH]) for name, value in _params(trial)]
        for i in range(0, max(len(metrics), 1), MAX_METRICS):
            self.client.log_batch(run_id, metrics=metrics[i : i + MAX_METRICS])
        for i in range(0, len(params), MAX_PARAMS):
            self.client.log_batch(run_id, params=params[i : i + MAX_PARAMS])

    def _draw(self, run_id: str, trial: TrialResult) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "surface.png"
            if self.draw(trial, path):
                self.client.log_artifact(run_id, str(path))
        if trial.curve:
            self.client.log_artifact(run_id, str(trial.folder.file("curve.jsonl")))

    def finish(self, result: RunResult) -> None:
        """The leaderboard and the figure on the parent."""
        for path in sorted(result.folder.iterdir()):
            if path.suffix != ".parquet" and not path.name.startswith((".", SUMS)):
                self.client.log_artifact(self.parent, str(path))

    def close(self) -> None:
        """The parent is finished and all is remembered."""
        self.client.set_terminated(self.parent, "FINISHED")
        self.mirrored.save()


def _milliseconds(moment: str) -> int:
    return round(1000 * datetime.fromisoformat(moment).timestamp())


def _tags(trial: TrialResult, parent: str) -> dict[str, str]:
    view = trial.view
    tags = {
        "mlflow.parentRunId": parent,
        "mlflow.runName": view.name,
        "ebmbench.trial_key": view.key,
        "ebmbench.method": view.method,
        "ebmbench.label": view.row,
        "ebmbench.strategy": view.strategy.value,
        "ebmbench.family": view.strategy.family,
        "ebmbench.kind": view.kind.value,
        "ebmbench.dataset": view.dataset,
        "ebmbench.seed": str(view.seed),
        "ebmbench.device": view.device,
        "ebmbench.status": str(trial.status),
    }
    return {**tags, "ebmbench.error": trial.error[:MAX_VALUE_LENGTH]} if trial.error else tags


def _params(trial: TrialResult) -> Iterator[tuple[str, str]]:
    spec = trial.spec
    if spec is None:
        return
    for name, value in spec.method.params.items():
        yield f"method.{name}", str(value)
    for name, value in spec.dataset.params.items():
        yield f"dataset.{name}", str(value)
    sections: dict[str, Any] = {"data": spec.data, "net": spec.net, "budget": spec.budget, "device": spec.device}
    for section, record in sections.items():
        for name, value in record.model_dump(exclude_none=True).items():
            yield f"{section}.{name}", str(value)


def _metrics(trial: TrialResult, numbers: dict[str, float]) -> Iterator[tuple[str, float, float, int]]:
    """Name, value, seconds of training, step. Infinite values are left out: the database would store a number."""
    limit = 1e300
    for p in trial.curve:
        if p.value is not None and abs(p.value) < limit:
            yield f"milestone/{flat_name(p.metric, p.variant)}", p.value, p.train_seconds, p.step
    training = trial.training
    if training is None:
        return
    for name, value in numbers.items():
        if abs(value) < limit:
            yield f"eval/{name}", value, training.train_seconds, training.steps
    for name, value in training.model_dump(exclude_none=True, exclude={"sha256"}).items():
        yield f"cost/{name}", float(value), training.train_seconds, training.steps
