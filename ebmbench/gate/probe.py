"""One side of a gate, as a process of its own: it runs the code of whatever tree it finds on its path.

It is started by its file's name with the path of the tree that is to be judged, speaks lines of JSON, and does what
it is told: plan a suite, run its trials, count or time steps. Of the tree it uses no more than stands here, so that it
can judge one that is older than itself.
"""

from __future__ import annotations

import json
import math
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from multiprocessing import forkserver
from pathlib import Path
from queue import SimpleQueue
from typing import Any

OK = "ok"
"""How a trial ends that need not be run again."""
REFERENCE = "reference"
"""The strategy of rows that nobody is to improve."""
COUNTED = 11
"""Steps that are counted: the first, in which some methods set up, and ten more, whole cycles of the others."""
PROFILED = 2
"""Steps that follow, of which the memory is watched."""
TOTALS = ("steps", "passes", "operations", "energy_rows", "gradient_rows")
"""Counters of a whole training."""
GRACE = 3.0
"""Seconds that what is interrupted has to end its workers."""
FRACTION = 0.5
"""How much of the budget a timed step is told to be spent."""


class Steps:
    """A training of one trial whose steps can be taken a few at a time; a method that has finished begins anew."""

    def __init__(self, spec: Any, root: Path) -> None:
        from ebmbench.training.components import TrialComponents

        self.components = TrialComponents.load(spec, root)
        self.problem = self.components.problem(self.components.stream.training_set())
        self.restart()

    def restart(self) -> None:
        """A fresh surface."""
        self.surface = self.components.surface(self.problem)
        self.stepper = self.components.stepper(self.surface)
        self.rng, self.taken = self.components.noise(), 0

    def batches(self, steps: int) -> list[Any]:
        """The data of the next steps."""
        stream, rows = self.components.stream, self.stepper.batch_rows
        if rows is None:
            return [stream.training_set()] * steps
        return [stream.batch(self.taken + k, rows) for k in range(steps)]

    def time(self, steps: int) -> dict[str, list[float]]:
        """Seconds of so many steps, by the clock and of the processor; data and fresh starts are not timed."""
        wall, processor = [], []
        for batch in self.batches(steps):
            if self.stepper.finished():
                self.restart()
            begun, worked = time.perf_counter(), time.process_time()
            self.stepper.step(batch, self.rng, FRACTION)
            wall.append(time.perf_counter() - begun)
            processor.append(time.process_time() - worked)
            self.taken += 1
        return {"wall": wall, "processor": processor}

    def count(self) -> dict[str, float]:
        """What the first steps of a fresh training cost, in numbers without noise."""
        from ebmbench.training.counting import Meter

        self.restart()
        meter = Meter(self.components.unit, self.surface)
        batches, peak = self.batches(COUNTED + PROFILED), 0
        for index, batch in enumerate(batches):
            if self.stepper.finished():
                break
            if index < COUNTED:
                with meter.step(index, len(batch), partial(self.stepper.foreign_work, batch)):
                    self.stepper.step(batch, self.rng, FRACTION)
            else:
                peak = max(peak, self._peak(batch))
        self.restart()
        return {**{name: float(value) for name, value in vars(meter.total).items()}, "peak_bytes": float(peak)}

    def _peak(self, batch: Any) -> int:
        """The most bytes that a step holds at a time beyond those that were there before it."""
        with held() as bytes_:
            self.stepper.step(batch, self.rng, FRACTION)
        return max(bytes_, default=0)


@contextmanager
def held() -> Iterator[list[int]]:
    """The bytes of all tensors that were made inside and live, after each operation.

    What an operation needs within itself is not seen. The profiler sees that too, but tells it in an order that differs
    from one time to the next.
    """
    from torch import Tensor
    from torch.multiprocessing.reductions import StorageWeakRef
    from torch.utils._python_dispatch import TorchDispatchMode
    from torch.utils._pytree import tree_leaves

    found: list[int] = []
    known: dict[int, tuple[StorageWeakRef, int]] = {}

    def note(values: Any, ours: bool) -> None:
        for value in tree_leaves(values):
            if isinstance(value, Tensor):
                storage = value.untyped_storage()
                reference = StorageWeakRef(storage)  # type: ignore[no-untyped-call]
                known.setdefault(reference.cdata, (reference, storage.nbytes() if ours else 0))

    class Watch(TorchDispatchMode):  # type: ignore[no-untyped-call]
        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            note((args, kwargs), ours=False)  # a parameter, which its views and updates in place share
            out = func(*args, **(kwargs or {}))
            note(out, ours=True)
            gone = [key for key, (ref, _) in known.items() if ref.expired()]  # type: ignore[no-untyped-call]
            for key in gone:
                del known[key]
            found.append(sum(size for _, size in known.values()))
            return out

    with Watch():  # type: ignore[no-untyped-call]
        yield found


class Probe:
    """Does what it is told.

    Args:
        told: ``suite``, a mapping; ``folder``, where its relative paths start; ``results``; ``keyword`` and
            ``plugins`` as on the command line of ``run``; ``methods``, the rows that are wanted (None: all).
        tolerant: entries that this tree cannot plan are left out, and ``missing`` says why; so are single-file plugins
            that it does not have.
    """

    def __init__(self, told: dict[str, Any], tolerant: bool) -> None:
        os.makedirs(told["folder"], exist_ok=True)  # a base may lack the folder of a suite that is new
        os.chdir(told["folder"])
        self.root, self.missing, self.lacks = Path(told["results"]), dict[str, str](), list[str]()
        suite = told["suite"]
        if tolerant:
            suite, told = ({**some, "plugins": self._there(some.get("plugins", ()))} for some in (suite, told))
            if _unusable(suite, told):
                suite = {**suite, "methods": [entry for entry in suite["methods"] if self._can(suite, entry, told)]}
        self.trials: dict[str, Any] = {}
        if suite["methods"]:
            self.planned = _planned(suite, told, told["keyword"])
            wanted = told["methods"]
            for trial in self.planned.plan.trials:
                name = trial.view.name
                if not trial.view.skipped and (wanted is None or name.partition("/")[0] in wanted):
                    self.trials[name] = trial
        self.steps: dict[str, Steps] = {}

    def _there(self, plugins: Any) -> list[str]:
        there = [plugin for plugin in plugins if os.path.isfile(plugin)]
        self.lacks += [f"it lacks {os.path.basename(plugin)}" for plugin in plugins if plugin not in there]
        return there

    def _can(self, suite: dict[str, Any], entry: Any, told: dict[str, Any]) -> bool:
        why = _unusable({**suite, "methods": [entry]}, told)
        if why:
            row = entry if isinstance(entry, str) else str(entry.get("label") or entry.get("name"))
            self.missing[row] = "; ".join([why, *self.lacks])
        return not why

    def plan(self) -> dict[str, Any]:
        """All trials: what each is, and what its metrics are."""
        return {"trials": {name: self._said(trial) for name, trial in self.trials.items()}, "missing": self.missing}

    def record(self) -> str:
        """The plan as a run would be recorded, as JSON."""
        return str(self.planned.plan.run.model_dump_json())

    def _said(self, planned: Any) -> dict[str, Any]:
        view = planned.view
        tracks = {track.name: track for track in self.planned.plan.run.tracks}
        rulers = [r for r in tracks[view.track].ruled_by if r.of_order or str(view.kind) != "ranking"]
        return {
            "key": view.key,
            "dataset": view.dataset,
            "seed": view.seed,
            "reference": str(view.strategy) == REFERENCE,
            "rulers": [{"title": r.title, "metric": r.metric, "scale": r.scale} for r in rulers[:1]],
            "metrics": {cell.name: cell.code for cell in planned.spec.metrics},
        }

    def run(self, trials: list[str], workers: int) -> dict[str, Any]:
        """Run what is not done of these trials; what came of each."""
        from ebmbench.execution.local import LocalExecutor
        from ebmbench.execution.supervisor import Job, Supervisor
        from ebmbench.store.runs import TrialResult

        suite, store = self.planned.suite, self.planned.store
        threads = max(profile.threads for profile in suite.devices)
        executor = LocalExecutor(store.root.resolve(), suite.timeout, suite.memory, threads)
        chosen = {name: self.trials[name] for name in trials}
        jobs = (Job(t.spec, retry=str(store.trial_folder(t.view.key).status()) != OK) for t in chosen.values())
        for _ in Supervisor(store, workers, executor).run(jobs):
            pass
        ended = {n: TrialResult(trial.view, store.trial_folder(trial.view.key)) for n, trial in chosen.items()}
        tracks = {track.name: track for track in self.planned.plan.run.tracks}
        return {name: _came_of(trial, tracks[trial.view.track]) for name, trial in ended.items()}

    def count(self, trial: str) -> dict[str, float]:
        """The counters of a trial's steps."""
        return self._steps(trial).count()

    def time(self, trial: str, steps: int) -> dict[str, list[float]]:
        """Take steps of a trial."""
        return self._steps(trial).time(steps)

    def stay(self, core: int) -> None:
        """Compute on this one of the usable cores from now on, where a system knows such a thing."""
        if hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(0, {sorted(os.sched_getaffinity(0))[core]})

    def forget(self, trial: str) -> None:
        """Let go of a trial's training."""
        self.steps.pop(trial, None)

    def _steps(self, trial: str) -> Steps:
        if trial not in self.steps:
            self.steps[trial] = Steps(self.trials[trial].spec, self.root)
        return self.steps[trial]


def _came_of(trial: Any, track: Any) -> dict[str, Any]:
    training = trial.training
    counters = {name: getattr(training, name) for name in TOTALS} if training is not None else {}
    counters |= dict(_to_targets(trial, track))
    return {"status": str(trial.status), "error": trial.error, "values": trial.values, "counters": counters}


def _to_targets(trial: Any, track: Any) -> Iterator[tuple[str, float]]:
    """The passes that were spent when its curve first came within each target: infinite, if it never did."""
    from ebmbench.contracts.records import flat_name

    judged_by = track.curve.of(trial.view.kind)
    curve = [p for p in trial.curve if p.value is not None and flat_name(p.metric, p.variant) == judged_by]
    for target in track.targets:
        yield f"passes_to_{target:g}", next((float(p.passes) for p in curve if p.value <= target), math.inf)


def _words(error: Exception) -> str:
    """An error of ours is a sentence; of others, the type says more than the message."""
    from ebmbench.errors import UsageError, one_line

    return str(error).splitlines()[0] if isinstance(error, UsageError) else one_line(error)


def _unusable(suite: dict[str, Any], told: dict[str, Any]) -> str:
    """Why a suite cannot be planned; nothing if it can."""
    from ebmbench.errors import UsageError

    try:
        _planned(suite, told, None)
    except UsageError as error:
        return _words(error)
    return ""


def _planned(suite: dict[str, Any], told: dict[str, Any], keyword: str | None) -> Any:
    from rich.console import Console

    from ebmbench import session

    options = session.Options(
        keyword=keyword,
        results=Path(told["results"]),
        plugins=tuple(told["plugins"]),
    )
    asked = session.Asked(suite, options, Console(stderr=True))
    return session.plan(session.resolve(session.load(asked)))


def orders() -> Iterator[dict[str, Any]]:
    """What is asked, a line each, for ever: when nobody can ask any more, whatever is at work is interrupted."""
    waiting: SimpleQueue[str] = SimpleQueue()
    asked = threading.get_ident()

    def listen() -> None:
        for line in sys.stdin:
            waiting.put(line)
        end(asked)

    threading.Thread(target=listen, daemon=True).start()
    while True:
        yield json.loads(waiting.get())


def end(thread: int) -> None:
    """Interrupt a thread, wherever it waits; what does not listen is given up."""
    signal.pthread_kill(thread, signal.SIGINT)
    time.sleep(GRACE)
    os._exit(1)


def answer_all() -> None:
    """Answer until nobody asks. What plugins print goes to standard error."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    with suppress(Exception):  # both sides import at the same time; what is wrong is said when it is needed
        import torch

        torch.set_num_threads(1)
    probe = None
    for told in orders():
        try:
            if told["do"] == "open":
                probe = Probe(**told["of"])
                answer: Any = None
            else:
                answer = getattr(probe, told["do"])(**told["of"])
            answers.write(json.dumps({"answer": answer}) + "\n")
        except Exception as error:  # noqa: BLE001 - the other side of the pipe says what is to be done about it
            answers.write(json.dumps({"error": _words(error)}) + "\n")


def main() -> None:
    """A side's process, to its end: workers are gone then, and so is a server that has only begun to start."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with suppress(KeyboardInterrupt):
        answer_all()
    server = getattr(vars(forkserver)["_forkserver"], "_forkserver_pid", None)
    if server is not None:
        with suppress(OSError):
            os.kill(server, signal.SIGKILL)
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
