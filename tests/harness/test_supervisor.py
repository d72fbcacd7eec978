"""The supervisor: so many at a time, whatever ends is recorded, a lost launcher is replaced, nothing is left behind.

What real workers do to it is in tests/faults.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import pytest

from ebmbench.contracts import Status
from ebmbench.harness.launchers import Exit, ForkLauncher, Launcher, LauncherLost, SpawnLauncher
from ebmbench.harness.plan import Planner
from ebmbench.harness.supervisor import Order, Supervisor
from ebmbench.store.folders import Store, TrialFolder, write_atomic
from ebmbench.store.records import Attempt, Measurements, TrialSpec
from ebmbench.suite.catalog import load_catalog
from ebmbench.suite.errors import EngineLost
from ebmbench.suite.loading import read_suite

SUITE = """\
name: tiny
datasets: [8gaussians]
data: {set: 200, validation: 200, test: 200}
methods: [{name: gmm, components: 2}]
budget: {steps: 5}
seeds: 6
metrics: [skill]
"""
NOBODY = 2**30
"""A process number beyond the largest possible one: signals to it reach nobody."""


@pytest.fixture(scope="module")
def specs(tmp_path_factory: pytest.TempPathFactory) -> list[TrialSpec]:
    """Six trials."""
    folder = tmp_path_factory.mktemp("suite")
    (folder / "tiny.yaml").write_text(SUITE)
    suite, source = read_suite(str(folder / "tiny.yaml"))
    plan = Planner(suite, source, load_catalog(), Store(folder / "results")).plan()
    return [planned.spec for planned in plan.trials]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(tmp_path / "results")
    store.prepare()
    return store


def ok(folder: Path) -> Exit:
    """A worker that did its work."""
    TrialFolder(folder).finish(Attempt(status=Status.OK, started="2026-01-01", total_seconds=1.0))
    return Exit(folder.name, 0, "")


def exits(code: int | None, signal: str = "", log: str = "") -> Callable[[Path], Exit]:
    """A worker that left no result."""

    def end(folder: Path) -> Exit:
        (folder / "log.txt").write_text(log)
        return Exit(folder.name, code, signal)

    return end


class Fake:
    """A launcher without processes: each look ends the oldest worker in the way that was foreseen for it."""

    def __init__(self, *endings: Callable[[Path], Exit] | type[LauncherLost], lost_at_start: int | None = None) -> None:
        self.endings = list(endings)
        self.lost_at_start = lost_at_start
        self.running: list[Path] = []
        self.most = self.starts = self.closed = 0

    def start(self, id: str, folder: Path, root: Path, memory: int, neighbors: int) -> int:
        self.starts += 1
        if self.starts == self.lost_at_start:
            raise LauncherLost
        assert id == folder.name
        assert neighbors == len(self.running)
        assert folder not in self.running, "a trial never runs beside itself"
        self.running.append(folder)
        self.most = max(self.most, len(self.running))
        return NOBODY

    def wait(self, seconds: float) -> list[Exit]:
        ending = self.endings.pop(0) if self.endings else ok
        if isinstance(ending, type):
            raise LauncherLost
        return [ending(self.running.pop(0))]

    def close(self) -> None:
        self.closed += 1


def run(
    store: Store,
    specs: list[TrialSpec],
    *launchers: Launcher,
    workers: int = 2,
    retry: bool = False,
    fresh: bool = False,
    notice: Callable[[str], None] = lambda text: None,
) -> dict[str, TrialFolder]:
    """The folders of the trials in the order in which they ended."""
    waiting = list(launchers)
    supervisor = Supervisor(store, workers, 60.0, 2_000_000_000, lambda: waiting.pop(0), notice)
    return {key: store.trial(key) for key in supervisor.run(Order(spec, retry, fresh) for spec in specs)}


def measure(folder: TrialFolder, spec: TrialSpec) -> None:
    """Leave a trial with nothing more to do, as another run would."""
    folder.begin(spec)
    measured = Measurements(values=(), code={cell.name: cell.code for cell in spec.metrics}, eval_seconds=1.0)
    write_atomic(folder.file("metrics.json"), measured.model_dump_json())
    folder.finish(Attempt(status=Status.OK, started="2026-01-01", total_seconds=1.0))


@pytest.mark.parametrize("workers", [1, 2, 4])
def test_so_many_at_a_time(store: Store, specs: list[TrialSpec], workers: int) -> None:
    fake = Fake()
    ended = run(store, specs, fake, workers=workers)
    assert list(ended) == [spec.key for spec in specs]
    assert fake.most == workers
    assert fake.closed == 1
    assert {folder.status() for folder in ended.values()} == {Status.OK}


def test_nothing_to_do_starts_nothing(store: Store) -> None:
    assert run(store, []) == {}


def test_the_same_trial_twice_is_run_in_turn(store: Store, specs: list[TrialSpec]) -> None:
    fake = Fake()
    run(store, [specs[0], specs[0], specs[1]], fake)
    assert fake.starts == 3


@pytest.mark.parametrize(
    ("ending", "message", "signal", "code"),
    [
        (exits(3), "exited with code 3 and no result", "", 3),
        (exits(0), "exited with code 0 and no result", "", 0),
        (exits(None, "SIGSEGV"), "killed by SIGSEGV", "SIGSEGV", None),
    ],
)
def test_an_end_without_a_result_is_a_crash(
    store: Store, specs: list[TrialSpec], ending: Callable[[Path], Exit], message: str, signal: str, code: int | None
) -> None:
    """Also exit code 0: what counts is what lies in the folder. The trials beside it are unharmed."""
    ended = run(store, specs[:3], Fake(ending))
    first, *others = (ended[spec.key] for spec in specs[:3])
    attempt = first.attempts()[-1]
    assert first.status() is attempt.status is Status.CRASHED
    assert (attempt.error_type, attempt.message) == ("Crash", message)
    assert (attempt.signal, attempt.exit_code) == (signal, code)
    assert [folder.status() for folder in others] == [Status.OK, Status.OK]


def test_the_last_words_are_kept_without_terminal_codes(store: Store, specs: list[TrialSpec]) -> None:
    log = "\n".join(["the first line", *(f"line {k}" for k in range(80)), "\x1b[31mred\x07 " + "x" * 9999])
    ended = run(store, specs[:1], Fake(exits(1, log=log)))
    lines = ended[specs[0].key].attempts()[-1].stderr
    assert len(lines) == 50
    assert lines[0] == "line 31"
    assert lines[-1].startswith("\N{REPLACEMENT CHARACTER}[31mred\N{REPLACEMENT CHARACTER} xxx")
    assert len(lines[-1]) == 500


def test_a_launcher_that_dies_takes_only_its_workers_along(store: Store, specs: list[TrialSpec]) -> None:
    """They are killed with it, and are started once more."""
    first, second = Fake(ok, LauncherLost), Fake()
    ended = run(store, specs, first, second)
    assert [ended[spec.key].status() for spec in specs] == [Status.OK] * 6
    assert [len(ended[spec.key].attempts()) for spec in specs] == [1, 2, 2, 1, 1, 1]
    assert (first.starts, second.starts) == (3, 5)


def test_a_killed_worker_is_started_once_more(store: Store, specs: list[TrialSpec]) -> None:
    told: list[str] = []
    folder = run(store, specs[:1], Fake(exits(None, "SIGKILL"), ok), notice=told.append)[specs[0].key]
    assert folder.status() is Status.OK
    assert [(a.status, a.signal) for a in folder.attempts()] == [(Status.CRASHED, "SIGKILL"), (Status.OK, "")]
    assert told == ["gmm/8gaussians/0/cpu: its worker was killed; it is started once more"]


def test_what_is_killed_twice_is_a_crash(store: Store, specs: list[TrialSpec]) -> None:
    """Such as one that the system kills whenever it grows: not for ever."""
    killed = exits(None, "SIGKILL")
    fake = Fake(killed, killed)
    folder = run(store, specs[:1], fake)[specs[0].key]
    assert folder.status() is Status.CRASHED
    assert fake.starts == len(folder.attempts()) == 2


def test_a_crash_by_another_signal_is_not_tried_again(store: Store, specs: list[TrialSpec]) -> None:
    fake = Fake(exits(None, "SIGSEGV"))
    assert run(store, specs[:1], fake)[specs[0].key].status() is Status.CRASHED
    assert fake.starts == 1


# --- several runs on one store ---------------------------------------------------------------------------------------


def test_what_another_run_works_on_is_left_to_it(store: Store, specs: list[TrialSpec]) -> None:
    claim = store.trial(specs[0].key).claim()
    assert claim is not None
    told: list[str] = []

    def meanwhile(folder: Path) -> Exit:
        measure(store.trial(specs[0].key), specs[0])
        claim.release()
        return ok(folder)

    fake = Fake(meanwhile)
    ended = run(store, specs[:2], fake, notice=told.append)
    assert list(ended) == [specs[1].key, specs[0].key], "it is waited for"
    assert fake.starts == 1
    assert len(ended[specs[0].key].attempts()) == 1
    assert told == ["gmm/8gaussians/0/cpu: another run works on it; this one takes over what comes of it"]


def test_what_another_run_left_undone_is_taken_over(store: Store, specs: list[TrialSpec]) -> None:
    """It was killed: its claim went with it."""
    claim = store.trial(specs[0].key).claim()
    assert claim is not None

    def dies(folder: Path) -> Exit:
        claim.release()
        return ok(folder)

    fake = Fake(dies)
    ended = run(store, specs[:2], fake)
    assert fake.starts == 2
    assert {folder.status() for folder in ended.values()} == {Status.OK}


@pytest.mark.parametrize("retry", [False, True])
def test_what_failed_in_another_run_meanwhile_is_not_tried_again(
    store: Store, specs: list[TrialSpec], retry: bool
) -> None:
    """Even if failures are to be tried again: that one is new."""
    claim = store.trial(specs[0].key).claim()
    assert claim is not None

    def fails(folder: Path) -> Exit:
        other = store.trial(specs[0].key)
        other.begin(specs[0])
        other.finish(Attempt(status=Status.FAILED, started="2026-01-01", total_seconds=1.0))
        claim.release()
        return ok(folder)

    fake = Fake(fails)
    ended = run(store, specs[:2], fake, retry=retry)
    assert fake.starts == 1
    assert ended[specs[0].key].status() is Status.FAILED


def test_what_was_done_since_it_was_planned_is_not_done_again(store: Store, specs: list[TrialSpec]) -> None:
    measure(store.trial(specs[0].key), specs[0])
    assert list(run(store, specs[:1])) == [specs[0].key], "no launcher was needed"


def test_fresh_drops_what_there_is(store: Store, specs: list[TrialSpec]) -> None:
    folder = store.trial(specs[0].key)
    measure(folder, specs[0])
    fake = Fake()
    run(store, specs[:1], fake, fresh=True)
    assert fake.starts == 1
    assert folder.measurements() is None
    assert len(folder.attempts()) == 2


def test_claims_end_with_the_run(store: Store, specs: list[TrialSpec]) -> None:
    run(store, specs[:2], Fake(exits(3)))
    for spec in specs[:2]:
        claim = store.trial(spec.key).claim()
        assert claim is not None
        assert store.trial(spec.key).claim() is None, "but a claim is a claim"
        claim.release()


def test_what_is_damaged_is_set_aside(store: Store, specs: list[TrialSpec]) -> None:
    folder = store.trial(specs[0].key)
    measure(folder, specs[0])
    content = folder.file("metrics.json").read_bytes().replace(b"1.0", b"1.5")
    folder.file("metrics.json").write_bytes(content)
    told: list[str] = []
    run(store, specs[:1], Fake(), notice=told.append)
    assert folder.status() is Status.OK
    assert len(folder.attempts()) == 1, "nothing of a damaged folder is trusted"
    place = store.root / "aside" / f"{specs[0].key}-1"
    assert (place / "metrics.json").read_bytes() == content
    assert told == [f"gmm/8gaussians/0/cpu: metrics.json is not what was written; set aside in {place}, and run again"]


# --- launchers -------------------------------------------------------------------------------------------------------


def test_a_result_that_lay_there_when_the_launcher_died_counts(store: Store, specs: list[TrialSpec]) -> None:
    """The worker had written DONE; only the news of its end were lost."""

    def finished_unheard(folder: Path) -> Exit:
        ok(folder)
        raise LauncherLost

    ended = run(store, specs[:1], Fake(finished_unheard))
    assert ended[specs[0].key].status() is Status.OK
    assert len(ended[specs[0].key].attempts()) == 1


def test_a_launcher_that_is_found_dead_at_a_start_is_replaced(store: Store, specs: list[TrialSpec]) -> None:
    ended = run(store, specs[:3], Fake(lost_at_start=2), Fake(), workers=1)
    assert [ended[spec.key].status() for spec in specs[:3]] == [Status.OK, Status.OK, Status.OK]


def test_a_launcher_that_dies_again_and_again_ends_the_run(store: Store, specs: list[TrialSpec]) -> None:
    """Not for ever: the engine is lost."""
    launchers = [Fake(lost_at_start=1) for _ in range(50)]
    with pytest.raises(EngineLost, match="died"):
        run(store, specs, *launchers)
    assert 2 <= sum(launcher.starts for launcher in launchers) < 20


def test_a_dead_launcher_is_closed(store: Store, specs: list[TrialSpec]) -> None:
    first, second = Fake(LauncherLost), Fake()
    run(store, specs[:3], first, second)
    assert (first.closed, second.closed) == (1, 1)


def test_an_abandoned_run_closes_its_launcher(store: Store, specs: list[TrialSpec]) -> None:
    """What is being worked on then counts as not done."""
    fake = Fake()
    running = Supervisor(store, 2, 60.0, 10**9, lambda: fake).run(map(Order, specs))
    first = next(running)
    running.close()  # type: ignore[attr-defined]
    assert fake.closed == 1
    assert store.trial(first).status() is Status.OK
    assert store.trial(specs[1].key).status() is None


def test_an_attempt_is_added_to_those_before(store: Store, specs: list[TrialSpec]) -> None:
    run(store, specs[:1], Fake(exits(3)))
    run(store, specs[:1], Fake(ok), retry=True)
    folder = store.trial(specs[0].key)
    assert [attempt.status for attempt in folder.attempts()] == [Status.CRASHED, Status.OK]
    assert folder.status() is Status.OK


@dataclass
class Twin:
    """A trial as one launcher did it."""

    folder: TrialFolder
    launcher: Launcher
    open_pipes: int


def pipes(launcher: Launcher) -> list[IO[bytes]]:
    """The ends of pipes that a launcher holds open."""
    process = getattr(launcher, "_process", None)
    return [pipe for pipe in (process.stdin, process.stdout) if not pipe.closed] if process else []


@pytest.fixture(scope="module")
def twins(tmp_path_factory: pytest.TempPathFactory, specs: list[TrialSpec]) -> dict[str, Twin]:
    """The same trial from a forked worker and from a fresh interpreter."""
    made = {}
    for name, kind in (("fork", ForkLauncher), ("spawn", SpawnLauncher)):
        store = Store(tmp_path_factory.mktemp(name))
        store.prepare()
        launcher: Launcher = kind()
        supervisor = Supervisor(store, 1, 120.0, 2_000_000_000, lambda launcher=launcher: launcher)  # type: ignore[misc]
        assert list(supervisor.run(map(Order, specs[:1]))) == [specs[0].key]
        left = pipes(launcher)
        made[name] = Twin(store.trial(specs[0].key), launcher, len(left))
        for pipe in left:
            pipe.close()
    return made


@pytest.mark.parametrize("name", ["fork", "spawn"])
def test_both_launchers_do_the_job(twins: dict[str, Twin], name: str) -> None:
    folder = twins[name].folder
    assert folder.status() is Status.OK, folder.attempts()
    attempt = folder.attempts()[-1]
    assert attempt.total_seconds > 0
    assert attempt.neighbors == 0
    training = folder.training()
    assert training is not None
    assert 1 <= training.steps <= 5
    assert training.samples == training.passes == 200 * training.steps, "a sweep of the set costs a pass a row"


def test_both_launchers_come_to_the_same_numbers(twins: dict[str, Twin]) -> None:
    fork, spawn = twins["fork"].folder, twins["spawn"].folder
    for name in ("model.pt", "surface.npz", "samples.npz"):
        facts = [json.loads(folder.file("DONE").read_text())["files"][name]["sha256"] for folder in (fork, spawn)]
        assert facts[0] == facts[1], name
    measured = [folder.measurements() for folder in (fork, spawn)]
    assert measured[0] is not None
    assert measured[1] is not None
    assert measured[0].values == measured[1].values
    trained = [folder.training() for folder in (fork, spawn)]
    assert trained[0] is not None
    assert trained[1] is not None
    assert (trained[0].steps, trained[0].passes) == (trained[1].steps, trained[1].passes)


def test_a_closed_launcher_holds_no_pipe(twins: dict[str, Twin]) -> None:
    assert twins["fork"].open_pipes == 0
