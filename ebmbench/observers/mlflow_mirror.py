"""One plan's parent run and its children, as MLflow's client is told of them."""

from __future__ import annotations

import tempfile
import time
from collections import deque
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from ebmbench.analysis.leaderboard import Leaderboard
from ebmbench.contracts.records import Status
from ebmbench.observers.mlflow_board import description, summary_metrics
from ebmbench.observers.mlflow_memory import Mirrored
from ebmbench.observers.mlflow_trial import (
    dataset_facts,
    metrics,
    model_facts,
    model_file,
    params,
    source_tags,
    tags,
    width,
)
from ebmbench.observers.mlflow_views import experiment_tags
from ebmbench.store.records import Training, TrialSpec
from ebmbench.store.runs import SUMS, RunResult, TrialResult

Draw = Callable[[TrialResult, Path], bool]
Summarize = Callable[[RunResult], Leaderboard]

MAX_ENTITIES, MAX_PARAMS = 1000, 100
"""What the client takes at a time."""
SAVE_INTERVAL = 5.0
CELL = ("method", "dataset", "seed")


class Mirror:
    """One plan's parent run and its children.

    Args:
        result: the run; its record is what the parent says.
        mirrored: what is in the mirror already.
        draw: writes a trial's picture to a path, and says whether there was anything to draw.
        summarize: the leaderboard of the run when it is over.
        working: whether trials will be run, so that there is something to watch the machine at.
    """

    def __init__(
        self, result: RunResult, mirrored: Mirrored, draw: Draw, summarize: Summarize, working: bool = False
    ) -> None:
        import logging

        from mlflow import MlflowClient

        logging.getLogger("alembic").setLevel(logging.WARNING)
        logging.getLogger("mlflow").setLevel(logging.CRITICAL)  # its errors are raised too, and said in a line
        self.result, self.mirrored, self.draw, self.summarize = result, mirrored, draw, summarize
        self.plan = result.record.plan_id
        self.source = source_tags(result.record.revision, f"ebmbench run {result.record.suite}")
        self.client = MlflowClient(tracking_uri=mirrored.uri)
        self.experiment = mirrored.experiment = self._experiment()
        self.parent = self._parent()
        held = {trial.view.key: trial for trial in result.trials if self._place(trial) in mirrored.trials}
        self._undrawn = deque(t for t in held.values() if self._place(t) not in mirrored.drawn)
        self._saved = time.monotonic()
        self._watch = _watch(self.parent, mirrored.uri) if working else None

    def _place(self, trial: TrialResult) -> str:
        return f"{self.plan}/{trial.view.key}"

    def _experiment(self) -> str:
        record = self.result.record
        name, said = f"ebmbench/{record.suite}", experiment_tags(record)
        found = self.client.get_experiment_by_name(name)
        if found is None:
            place = (self.result.store.root / "mlartifacts" / record.suite).resolve().as_uri()
            return str(self.client.create_experiment(name, artifact_location=place, tags=said))
        for key, value in said.items():
            if found.tags.get(key) is None:  # what somebody has changed is theirs
                self.client.set_experiment_tag(found.experiment_id, key, value)
        return str(found.experiment_id)

    def _parent(self) -> str:
        known = self.mirrored.parents.get(self.plan)
        if known is not None:
            self.client.update_run(known, status="RUNNING")
            self._recall(known)
            return known
        record = self.result.record
        said = {
            "mlflow.runName": record.run_id,
            "ebmbench.plan_id": record.plan_id,
            "ebmbench.run_id": record.run_id,
            "ebmbench.suite": record.suite,
        }
        run = self.client.create_run(
            self.experiment, tags={**said, **self.source}, start_time=_milliseconds(record.started)
        )
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
                    self._delete(child.info.run_id)
                else:
                    children[place] = child.info.run_id
            if not page.token:
                break
            token = page.token
        others = {place: run for place, run in self.mirrored.trials.items() if not place.startswith(f"{self.plan}/")}
        self.mirrored.trials = {**others, **children}

    def _delete(self, run_id: str) -> None:
        for model in self.client.search_logged_models([self.experiment], f"source_run_id = '{run_id}'"):
            self.client.delete_logged_model(model.model_id)
        self.client.delete_run(run_id)

    def add(self, trial: TrialResult) -> None:
        """A child run for the trial; one that failed before is replaced when it ends otherwise."""
        place = self._place(trial)
        if place in self.mirrored.trials:
            self._delete(self.mirrored.trials[place])
            self.mirrored.drawn.discard(place)
        last = trial.attempts[-1] if trial.attempts else None
        start = _milliseconds(last.started if last else self.result.record.started)
        said = {"mlflow.parentRunId": self.parent, **tags(trial), **self.source}
        run_id = self.client.create_run(self.experiment, start_time=start, tags=said).info.run_id
        self._log(run_id, trial, start)
        end = start + round(1000 * (last.total_seconds if last else 0))
        self.client.set_terminated(run_id, "FINISHED" if trial.status is Status.OK else "FAILED", end_time=end)
        self.mirrored.trials[place] = run_id
        self._undrawn.append(trial)
        self._save_sometimes()

    def _log(self, run_id: str, trial: TrialResult, start: int) -> None:
        from mlflow.entities import Metric, Param

        spec, training, model, dataset = trial.spec, trial.training, None, None
        said = params(trial, spec)
        if spec is not None:
            columns = width(trial)
            dataset = dataset_facts(trial, spec, columns)
            self._log_dataset(run_id, dataset)
            if training is not None and trial.status is Status.OK:
                model = self._log_model(run_id, trial, spec, training, said, columns)
        link: dict[str, str] = {}
        if dataset and model:  # so that the pages of models have their numbers
            link = {"model_id": model, "dataset_name": dataset["name"], "dataset_digest": dataset["digest"]}
        found = list(metrics(trial, self.result.numbers(trial)))
        last = {reading.name: reading for reading in found}
        readings = [
            Metric(r.name, r.value, start + round(1000 * r.seconds), r.step, **(link if r is last[r.name] else {}))
            for r in found
        ]
        self._log_batches(run_id, readings, [Param(name, value) for name, value in said.items()])

    def _log_batches(self, run_id: str, metrics: list[Any], params: list[Any]) -> None:
        """In as few calls as may be: each is a transaction."""
        room = MAX_ENTITIES - MAX_PARAMS
        for i in range(0, max(-(-len(metrics) // room), -(-len(params) // MAX_PARAMS))):
            some, given = metrics[i * room : (i + 1) * room], params[i * MAX_PARAMS : (i + 1) * MAX_PARAMS]
            self.client.log_batch(run_id, metrics=some, params=given)

    def _log_dataset(self, run_id: str, facts: dict[str, str]) -> None:
        from mlflow.entities import Dataset, DatasetInput, InputTag

        context = InputTag("mlflow.data.context", "training and evaluation")
        self.client.log_inputs(run_id, datasets=[DatasetInput(Dataset(**facts), [context])])

    def _log_model(
        self,
        run_id: str,
        trial: TrialResult,
        spec: TrialSpec,
        training: Training,
        said: dict[str, str],
        columns: int | None,
    ) -> str:
        """The model as one that is kept elsewhere: its params, how it is read, its signature."""
        from mlflow.entities import LoggedModelOutput

        facts = model_facts(trial, spec, training, self.result.record.suite)
        model = self.client.create_logged_model(
            self.experiment,
            name="".join(c if c not in "/:.%\"'" else "-" for c in said["label"]),
            source_run_id=run_id,
            tags={"mlflow.model.isExternal": "true", **{f"ebmbench.{name}": value for name, value in facts.items()}},
            params={name: value for name, value in said.items() if name in CELL or name.startswith("method.")},
            model_type=f"energy, {spec.method.kind.value}",
        )
        own = {"model_id": model.model_id, "model_uuid": model.model_id, "run_id": run_id}
        with tempfile.TemporaryDirectory() as folder:
            content = model_file({**own, "artifact_path": model.artifact_location}, spec, facts, columns)
            (Path(folder) / "MLmodel").write_text(content)
            self.client.log_model_artifacts(model.model_id, folder)
        self.client.finalize_logged_model(model.model_id, "READY")
        self.client.log_outputs(run_id, [LoggedModelOutput(model.model_id, training.steps)])
        return str(model.model_id)

    def draw_next(self) -> bool:
        """The picture of one trial that has none yet; whether there was one."""
        if not self._undrawn:
            return False
        trial = self._undrawn.popleft()
        place = self._place(trial)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "surface.png"
            if self.draw(trial, path):
                self.client.log_artifact(self.mirrored.trials[place], str(path))
        self.mirrored.drawn.add(place)
        self._save_sometimes()
        return True

    def finish(self, result: RunResult) -> None:
        """The boards and the products on the parent."""
        from mlflow.entities import Metric

        now = round(1000 * time.time())
        summary = summary_metrics(self.summarize(result))
        self._log_batches(self.parent, [Metric(name, value, now, 0) for name, value in summary.items()], [])
        for path in sorted(result.folder.iterdir()):
            if path.suffix != ".parquet" and not path.name.startswith((".", SUMS)):
                self.client.log_artifact(self.parent, str(path))
        leaderboard = result.folder / "leaderboard.md"
        if leaderboard.is_file():
            self.client.set_tag(self.parent, "mlflow.note.content", description(leaderboard.read_text()))

    def close(self) -> None:
        """The parent is finished and all is remembered."""
        if self._watch is not None:
            self._watch.finish()
        self.client.set_terminated(self.parent, "FINISHED")
        self.save()

    def save(self) -> None:
        """Remember what is in the mirror."""
        self.mirrored.save()
        self._saved = time.monotonic()

    def _save_sometimes(self) -> None:
        if time.monotonic() - self._saved > SAVE_INTERVAL:
            self.save()


def _milliseconds(moment: str) -> int:
    return round(1000 * datetime.fromisoformat(moment).timestamp())


def _watch(run_id: str, uri: str) -> Any:
    """MLflow's own watch over the machine, where ``MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING`` is set.

    It is of the whole machine while the run works. Of a trial by itself there is what its worker counted: processor
    seconds and peak bytes, which are always there.
    """
    from mlflow import environment_variables
    from mlflow.system_metrics import system_metrics_monitor

    settings: Any = environment_variables
    monitors: Any = system_metrics_monitor
    if not settings.MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING.get():
        return None
    watch = monitors.SystemMetricsMonitor(run_id, resume_logging=True, tracking_uri=uri)
    watch.start()
    return watch
