"""One trial, from its folder to its folder: train what is not trained, measure what is not measured."""

from __future__ import annotations

import argparse
import contextlib
import faulthandler
import os
import resource
import sys
import time
import traceback
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import torch
import torch._dynamo  # Adam imports it at its first use, a second that no training should be charged

from ebmbench.contracts import Batch, Status
from ebmbench.datasets.domain import Box
from ebmbench.harness.bench import Bench, load_model, save_model
from ebmbench.harness.clocks import Clock, device_peak_bytes, peak_bytes
from ebmbench.harness.loop import Diverged, Progress, check_energies, train
from ebmbench.harness.machine import machine_id
from ebmbench.harness.seeding import generator, initialization, seed_of
from ebmbench.harness.snapshot import Snapshot, Snapshots, Trace
from ebmbench.harness.stream import Stream, held_out
from ebmbench.metrics.context import Evaluation
from ebmbench.metrics.evaluate import evaluate
from ebmbench.metrics.ruler import Ruler
from ebmbench.parts.surface import Surface
from ebmbench.store.folders import TrialFolder, append_line, missing_metrics, write_atomic
from ebmbench.store.records import Attempt, Measurements, MetricCell, Point, Training, Value
from ebmbench.suite.differences import differences
from ebmbench.suite.errors import UsageError, one_line
from ebmbench.suite.keys import closure_of, trial_code

FINE, COARSE = 400, 200
"""Cells along each axis of the lattices at the end and at milestones."""
LOWEST = -1e4
"""Log densities below this are stored as this: half precision is for pictures."""
SHOWN = 3000
"""Test points kept for pictures, where they stand in the place of the truth."""
MILESTONE_METRICS = (("kl", "raw"), ("kl", "beta"), ("nll", "iso"), ("auroc", ""))
"""What is kept of a milestone; where no truth is known, ``TRUTHLESS`` beside it."""
TRUTHLESS = (("nll", "beta"),)


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
        self.bench = Bench.load(spec, root)
        code = trial_code(spec.method.target, spec.dataset.target).as_json()
        changes = differences({"code": spec.identity["code"]}, {"code": code})
        if changes:
            raise CodeChanged.since_the_plan([" ".join(change.split()) for change in changes])
        self.device = self.bench.like.device
        self.validation, self.test = held_out(self.bench.dataset, spec.data, spec.seed)

    def run(self) -> None:
        """Train unless that is done; then measure."""
        if self.folder.training() is None:
            self._train()
        self._measure()

    def _train(self) -> None:
        spec, bench = self.spec, self.bench
        prepare, clock, compiling = Clock(self.device), Clock(self.device), Clock(self.device)
        with prepare.running():
            stream = Stream(bench.dataset, spec.data, spec.seed, bench.like)
            training_set = stream.training_set()
            problem = bench.problem(training_set)
            coarse = Ruler(bench.dataset, COARSE)
        obstacle = bench.method.obstacle(problem)
        if obstacle:
            raise UsageError(f"{spec.method.name}: {obstacle}")
        with clock.running(), initialization(spec.seed):
            surface = bench.method.build(problem).to(bench.like)
            stepper = bench.method.stepper(surface, spec.device.compile)
        if spec.device.compile:
            with compiling.running():
                stepper.warm_up(Batch(training_set[: stepper.batch_rows]), generator("warm-up", spec.seed))
        rng = generator("noise", spec.seed, device=str(self.device))
        snapshots, begun, trace = Snapshots(self.folder), None, Trace()
        held = snapshots.load()
        if held is not None:
            begun, trace = held.resume(stepper, rng, clock)
            write_atomic(self.folder.file("curve.jsonl"), "".join(f"{line}\n" for line in trace.lines))

        def milestone(readout: Surface, progress: Progress) -> None:
            evaluation = self._evaluation(readout, coarse)
            trace.lines += self._append_points(evaluation, progress, clock.seconds)
            if coarse.has_lattice:
                trace.energies.append(torch.from_numpy(evaluation.energy.astype(np.float32)))

        def checkpoint(progress: Progress) -> None:
            if snapshots.due():
                snapshots.save(Snapshot.take(stepper, rng, progress, clock, trace))

        progress = train(stepper, stream, spec.budget, rng, clock, milestone, checkpoint, begun)
        readout = stepper.readout()
        check_energies(readout, self.test[:1000].to(bench.like))
        model_sha256 = save_model(self.folder, readout)
        if trace.energies:
            with self.folder.file("milestones.npz").open("wb") as file:
                np.savez_compressed(file, energy=torch.stack(trace.energies).numpy())
        training = Training(
            prepare_seconds=prepare.seconds,
            train_seconds=clock.seconds,
            compile_seconds=compiling.seconds,
            steps=progress.steps,
            passes=progress.meter.passes,
            energy_rows=progress.meter.energy_rows,
            gradient_rows=progress.meter.gradient_rows,
            samples=progress.samples,
            peak_bytes=peak_bytes(),
            device_peak_bytes=device_peak_bytes(self.device),
            interrupted=trace.interrupted,
            model_sha256=model_sha256,
        )
        write_atomic(self.folder.file("TRAINED"), training.model_dump_json())
        snapshots.drop()

    def _measure(self) -> None:
        clock = Clock(self.device)
        old = self.folder.measurements()
        wanted = set(missing_metrics(self.spec.metrics, old, retry_errors=True))
        cells = [cell for cell in self.spec.metrics if cell.name in wanted]
        with clock.running():
            surface = load_model(self.folder, self.root)
            evaluation = self._evaluation(surface, Ruler(self.bench.dataset, FINE))
            known = evaluation.energy if evaluation.ruler.has_lattice else evaluation.energy_test
            if not (known > -np.inf).all():  # plus infinity is honest: no mass there
                raise Diverged("the energy is not a number, or minus infinity, somewhere on the domain")
            values = evaluate(evaluation, [(cell.spec(), cell.owner) for cell in cells])
        outdated = _outdated(cells)  # asked when they are imported: an edit after that is not in what was measured
        values = [_refused(value) if value.metric in outdated else value for value in values]
        kept = [value for value in (old.values if old else ()) if value.metric not in wanted]
        code = dict(old.code if old else {})
        code.update((cell.name, "" if cell.name in outdated else cell.code) for cell in cells)
        self._save_artifacts(evaluation)
        merged = Measurements(values=(*kept, *values), code=code, eval_seconds=clock.seconds)
        write_atomic(self.folder.file("metrics.json"), merged.model_dump_json(indent=1))

    def _evaluation(self, surface: Surface, ruler: Ruler) -> Evaluation:
        seed = seed_of("evaluation", self.spec.seed)
        return Evaluation(surface, ruler, self.spec.method.kind, self.validation, self.test, seed, self.bench.like)

    def _append_points(self, evaluation: Evaluation, progress: Progress, seconds: float) -> list[str]:
        """Measure a milestone and append it to the curve; the lines."""
        by_name = {cell.name: cell for cell in self.spec.metrics}
        kept = MILESTONE_METRICS if self.bench.dataset.density_known else (*MILESTONE_METRICS, *TRUTHLESS)
        wanted = [by_name[name] for name in dict.fromkeys(n for n, _ in kept) if name in by_name]
        values = evaluate(evaluation, [(cell.spec(), cell.owner) for cell in wanted])
        lines = [
            self._point(value, progress, seconds).as_json()
            for value in values
            if (value.metric, value.variant) in kept and value.value is not None
        ]
        for line in lines:
            append_line(self.folder.file("curve.jsonl"), line)
        return lines

    @staticmethod
    def _point(value: Value, progress: Progress, seconds: float) -> Point:
        return Point(
            step=progress.steps,
            passes=progress.meter.passes,
            train_seconds=seconds,
            metric=value.metric,
            variant=value.variant,
            value=value.value,
        )

    def _save_artifacts(self, evaluation: Evaluation) -> None:
        samples = {}
        if evaluation.ruler.has_lattice:
            self._save_surface(evaluation)
            samples["common"] = evaluation.common_samples.float().numpy()
        if evaluation.surface.samples_natively:
            samples["native"] = evaluation.native_samples.float().numpy()
        with self.folder.file("samples.npz").open("wb") as file:
            np.savez_compressed(file, allow_pickle=False, **samples)

    def _save_surface(self, evaluation: Evaluation) -> None:
        """The energy on the lattice beside the truth; where that is not known, beside test points."""
        arrays: dict[str, np.ndarray] = {
            "energy": evaluation.energy.astype(np.float32),
            "iso_log_density": np.maximum(evaluation.iso_log_density, LOWEST).astype(np.float16),
            "lattice": np.array(evaluation.ruler.shape),
        }
        domain = self.bench.dataset.domain
        if self.bench.dataset.density_known:
            arrays["log_p"] = np.maximum(evaluation.ruler.log_p, LOWEST).astype(np.float16)
        elif isinstance(domain, Box):
            arrays |= {"box": np.array([domain.low, domain.high]), "data": evaluation.test[:SHOWN].numpy()}
        with self.folder.file("surface.npz").open("wb") as file:
            np.savez_compressed(file, allow_pickle=False, **arrays)


def _outdated(cells: Sequence[MetricCell]) -> set[str]:
    """The metrics whose source is no longer what was planned."""
    modules = {cell.name: cell.target.partition(":")[0] for cell in cells}
    code = {module: closure_of([module]).digest for module in set(modules.values())}
    return {cell.name for cell in cells if code[modules[cell.name]] != cell.code}


def _refused(value: Value) -> Value:
    """In the place of a value by other code than was planned: the next run measures it."""
    error = CodeChanged.since_the_plan([f"metric {value.metric} changed"])
    return Value(metric=value.metric, variant=value.variant, note=f"error: {one_line(error)}")


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


def main(folder: Path, root: Path, memory: int, neighbors: int = 0) -> Status:
    """Do the trial in ``folder`` and leave its outcome there, whatever happens.

    Args:
        folder: the trial's folder, with a trial.json in it.
        root: the results folder.
        memory: bytes that the trial may use beyond those of a fresh process.
        neighbors: how many trials run beside it.
    """
    faulthandler.enable()
    trial = TrialFolder(folder)
    with trial.working():
        return _attempt(trial, root, memory, neighbors)


def _attempt(trial: TrialFolder, root: Path, memory: int, neighbors: int) -> Status:
    started, clock = datetime.now(UTC).isoformat(timespec="seconds"), time.monotonic()
    status, kind, message = Status.OK, "", ""
    try:
        spec = trial.spec()
        if spec is not None:
            torch.set_num_threads(spec.device.threads)
            limit_memory(memory, spec.device.device)
        TrialWork(trial, root).run()
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a plugin may raise anything: it is the trial's outcome
        traceback.print_exc()
        status, kind = ended_badly(error), type(error).__name__
        message = one_line(error).removeprefix(f"{kind}: ")
    attempt = Attempt(
        status=status,
        error_type=kind,
        message=message,
        started=started,
        total_seconds=time.monotonic() - clock,
        neighbors=neighbors,
        machine_id=machine_id(),
    )
    trial.finish(attempt)
    return status


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("root", type=Path)
    parser.add_argument("memory", type=int)
    parser.add_argument("neighbors", type=int)
    arguments = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main(arguments.folder, arguments.root, arguments.memory, arguments.neighbors)
