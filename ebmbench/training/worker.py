"""One trial, from its folder to its folder: train what is not trained, measure what is not measured."""

from __future__ import annotations

import argparse
import contextlib
import faulthandler
import os
import pdb
import resource
import sys
import time
import traceback
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import torch
import torch._dynamo  # Adam imports it at its first use, a second that no training should be charged

from ebmbench.contracts.records import Status
from ebmbench.contracts.surface import Surface
from ebmbench.errors import UsageError, one_line
from ebmbench.identity.differences import differences
from ebmbench.identity.keys import metric_code, trial_code
from ebmbench.store.files import digest, write_atomic
from ebmbench.store.folders import MILESTONES, TrialFolder, missing_metrics
from ebmbench.store.records import Attempt, Measurements, MetricCell, Training, Value
from ebmbench.training.checks import Diverged, check_energies, check_form
from ebmbench.training.clocks import Clock, device_peak_bytes, peak_bytes
from ebmbench.training.components import TrialComponents
from ebmbench.training.draws import check_data, check_samples
from ebmbench.training.explaining import explained
from ebmbench.training.loop import Progress, train
from ebmbench.training.machine import machine_id
from ebmbench.training.measuring import Measuring
from ebmbench.training.milestones import Milestones, marks
from ebmbench.training.models import load_model, save_model
from ebmbench.training.seeding import generator
from ebmbench.training.snapshots import Snapshot, Snapshots

JUDGED = 256
"""Rows of the training set that a surface is judged by before the first step."""
LAST_LOOK = 1000
"""Test points whose energies are looked at when training has ended."""


class CodeChanged(Exception):
    """The source is no longer what the trial was planned with: of the method or the dataset, or of a metric."""

    @classmethod
    def since_the_plan(cls, changes: list[str]) -> CodeChanged:
        """The exception for these changes, in words."""
        more = f" and {len(changes) - 3} more" if len(changes) > 3 else ""
        return cls(f"since the trial was planned: {', '.join(changes[:3])}{more}; run the suite again")


class TrialWork:
    """The work on one trial."""

    def __init__(self, folder: TrialFolder, root: Path) -> None:
        spec = folder.spec()
        if spec is None:
            raise UsageError(f"{folder.path}: trial.json is missing or not readable")
        self.folder, self.root, self.spec = folder, root, spec
        self.components = TrialComponents.load(spec, root)
        code = trial_code(spec.method.target, spec.dataset.target).as_json()
        changes = differences({"code": spec.identity["code"]}, {"code": code})
        if changes:
            raise CodeChanged.since_the_plan([" ".join(change.split()) for change in changes])
        self.device = self.components.like.device

    def run(self) -> None:
        """Train unless that is done; then measure."""
        if self.folder.training() is None:
            try:
                self._train()
            except Diverged:
                measuring = Measuring(self.components, self.folder)
                measuring.write_curve(measuring.curve(self.spec.metrics))
                raise
        self._measure()

    def _train(self) -> None:
        spec, components = self.spec, self.components
        prepare, clock, compiling = Clock(self.device), Clock(self.device), Clock(self.device)
        with prepare.running():
            check_data(components)
            training_set = components.stream.training_set()
            problem = components.problem(training_set)
        obstacle = components.method.obstacle(problem)
        if obstacle:
            raise UsageError(f"{spec.method.name}: {obstacle}")
        with clock.running():
            surface = components.surface(problem)
            stepper = components.stepper(surface)
        judged = training_set[:JUDGED]
        check_form(surface, judged, problem.domain.kind == "continuous")
        _check_rebuilt(surface, components)
        if spec.device.compile:
            with compiling.running():
                stepper.warm_up(training_set[: stepper.batch_rows], generator("warm-up", spec.seed))
        rng, progress = components.noise(), components.progress(surface)
        evaluated = spec.protocol.milestone_lattice**2 + sum(map(len, components.held_out))
        rows = stepper.batch_rows or len(training_set)
        fractions = marks(surface, judged, evaluated, spec.budget, components.unit, rows)
        snapshots, milestones, interrupted = Snapshots(self.folder), Milestones(self.folder), 0
        held = snapshots.load()
        if held is None:
            milestones.drop()
        else:
            interrupted = held.resume(stepper, rng, progress, clock)
            milestones.load(until=progress.steps)

        def milestone(reached: Surface, progress: Progress) -> None:
            milestones.keep(reached, progress, clock.seconds)

        def checkpoint(progress: Progress) -> None:
            if snapshots.due():
                snapshots.save(Snapshot.take(stepper, rng, progress, clock, interrupted))

        train(stepper, components.stream, spec.budget, rng, clock, progress, fractions, milestone, checkpoint)
        reached = stepper.eval_surface()
        check_energies(reached, components.held_out[1][:LAST_LOOK].to(components.like))
        save_model(self.folder, reached)
        self._record(progress, interrupted, prepare.seconds, clock, compiling.seconds)
        snapshots.drop()

    def _record(self, progress: Progress, interrupted: int, prepare: float, clock: Clock, compiling: float) -> None:
        """Write what the training has cost: from now on it is done."""
        total = {name: round(value) for name, value in vars(progress.meter.total).items()}
        files = [name for name in ("model.pt", MILESTONES) if self.folder.file(name).is_file()]
        training = Training(
            prepare_seconds=prepare,
            train_seconds=clock.seconds,
            processor_seconds=clock.processor,
            compile_seconds=compiling,
            steps=progress.steps,
            samples=progress.samples,
            rows=self.components.stream.different(progress.samples, self.components.method.full_batch),
            **total,
            peak_bytes=peak_bytes(),
            device_peak_bytes=device_peak_bytes(self.device),
            interrupted=interrupted,
            sha256={name: digest(self.folder.file(name)) for name in files},
        )
        write_atomic(self.folder.file("TRAINED"), training.model_dump_json())

    def _measure(self) -> None:
        clock, training = Clock(self.device), self.folder.training()
        assert training is not None
        old = self.folder.measurements()
        wanted = set(missing_metrics(self.spec.metrics, old, retry_errors=True))
        cells = [cell for cell in self.spec.metrics if cell.name in wanted]
        measuring = Measuring(self.components, self.folder)
        with clock.running():
            evaluation, values = measuring.final(load_model(self.folder, self.root), cells)
            check_samples(self.spec, evaluation)
            points = [*measuring.curve(cells), *measuring.end_of_curve(training, values)]
        outdated = self._outdated(cells)  # asked when they are imported: an edit after that is not in what was measured
        values = [_refused(value) if value.metric in outdated else value for value in values]
        kept = [value for value in (old.values if old else ()) if value.metric not in wanted]
        code = dict(old.code if old else {})
        code.update((cell.name, "" if cell.name in outdated else cell.code) for cell in cells)
        measuring.save_artifacts(evaluation)
        measuring.write_curve([*(p for p in self.folder.curve() if p.metric not in wanted), *points])
        merged = Measurements(values=(*kept, *values), code=code, eval_seconds=clock.seconds)
        write_atomic(self.folder.file("metrics.json"), merged.model_dump_json(indent=1))

    def _outdated(self, cells: Sequence[MetricCell]) -> set[str]:
        """The metrics whose source is no longer what was planned."""
        return {cell.name for cell in cells if metric_code(cell.target, self.spec.protocol) != cell.code}


def _refused(value: Value) -> Value:
    """In the place of a value by other code than was planned: the next run measures it."""
    error = CodeChanged.since_the_plan([f"metric {value.metric} changed"])
    return Value(metric=value.metric, variant=value.variant, note=f"error: {one_line(error)}")


def _check_rebuilt(surface: Surface, components: TrialComponents) -> None:
    """See that the surface can be made again from shapes alone, as a stored model is: not after the training."""
    with torch.random.fork_rng(devices=[]):
        blank = components.blank()
    try:
        blank.load_state_dict(surface.state_dict())
    except RuntimeError as error:
        parts = " ".join(str(error).split(":", 1)[-1].split())
        raise UsageError(
            "build: the surface hangs on the data: built again from shapes alone, as a stored model is, it has other "
            f"parts; shapes may depend on the domain and the parameters alone ({parts})"
        ) from None


def limit_memory(allowed: int, device: str) -> None:
    """Let an allocation beyond the cap fail at once (the supervisor watches too, but only ten times a second)."""
    if device != "cpu" or not sys.platform.startswith("linux"):
        return
    with contextlib.suppress(OSError, ValueError, OverflowError):
        pages = int(Path("/proc/self/statm").read_text().split()[5])
        cap = allowed + pages * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_DATA, (cap, resource.RLIM_INFINITY))


def ended_badly(error: BaseException) -> Status:
    """The status of a trial that raised."""
    if isinstance(error, Diverged):
        return Status.DIVERGED
    if isinstance(error, MemoryError | torch.OutOfMemoryError) or "can't allocate memory" in str(error):
        return Status.OOM
    return Status.FAILED


def main(folder: Path, root: Path, memory: int | None, n_concurrent: int = 0, debug: bool = False) -> Status:
    """Do the trial in ``folder`` and leave its outcome there, whatever happens.

    Args:
        folder: the trial's folder, with a trial.json in it.
        root: the results folder.
        memory: bytes that the trial may use beyond those of a fresh process; None for no cap.
        n_concurrent: how many trials run beside it.
        debug: whether the debugger opens where it raises.
    """
    trial = TrialFolder(folder)
    with trial.working():
        return _attempt(trial, root, memory, n_concurrent, debug)


def _attempt(trial: TrialFolder, root: Path, memory: int | None, n_concurrent: int, debug: bool) -> Status:
    started, clock = datetime.now(UTC).isoformat(timespec="seconds"), time.monotonic()
    status, kind, message = Status.OK, "", ""
    try:
        spec = trial.spec()
        if spec is not None:
            torch.set_num_threads(spec.device.threads)
            if memory is not None:
                limit_memory(memory, spec.device.device)
        TrialWork(trial, root).run()
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a plugin may raise anything: it is the trial's outcome
        traceback.print_exc()
        if debug:
            pdb.post_mortem(error.__traceback__)
        status, kind = ended_badly(error), type(error).__name__
        message = explained(error)
    attempt = Attempt(
        status=status,
        error_type=kind,
        message=message,
        started=started,
        total_seconds=time.monotonic() - clock,
        n_concurrent=n_concurrent,
        machine_id=machine_id(),
    )
    trial.finish(attempt)
    return status


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("root", type=Path)
    parser.add_argument("memory", type=int)
    parser.add_argument("n_concurrent", type=int)
    arguments = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    faulthandler.enable()
    main(arguments.folder, arguments.root, arguments.memory, arguments.n_concurrent)
