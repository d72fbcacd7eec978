"""The supervisor: so many at a time, whatever ends is recorded, what was killed is tried once more, nothing is left.

What real workers do to it is in tests/faults.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ebmbench.contracts.records import Status
from ebmbench.errors import EngineLost
from ebmbench.execution.executor import Ended, Executor
from ebmbench.execution.supervisor import Job, Supervisor
from ebmbench.store.files import write_atomic
from ebmbench.store.folders import Store, TrialFolder
from ebmbench.store.records import TrialSpec
from tests.factories import make_attempt, make_measurements
from tests.planned import CHEAP, plan_of


@pytest.fixture(scope="module")
def specs(tmp_path_factory: pytest.TempPathFactory) -> list[TrialSpec]:
    """Six trials."""
    return [planned.spec for planned in plan_of(tmp_path_factory.mktemp("plan"), {**CHEAP, "seeds": 6}).trials]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(tmp_path / "results")
    store.prepare()
    return store


def ok(folder: Path) -> Ended:
    """A worker that did its work."""
    TrialFolder(folder).finish(make_attempt())
    return Ended(folder.name, 0)


def exits(code: int | None, signal: str = "", log: str = "", **more: Any) -> Callable[[Path], Ended]:
    """A worker that left no result."""

    def end(folder: Path) -> Ended:
        (folder / "log.txt").write_text(log)
        return Ended(folder.name, code, signal, **more)

    return end


class Everybody:
    """In the place of an ending: all that run are killed at once, as when what started them dies."""


class Fake:
    """An executor without processes: each look ends the oldest worker in the way that was foreseen for it."""

    def __init__(self, *endings: Callable[[Path], Ended] | type[Everybody], lost_at: int | None = None) -> None:
        self.endings, self.lost_at = list(endings), lost_at
        self.running: list[Path] = []
        self.most = self.starts = self.looks = self.closed = 0

    def submit(self, key: str, folder: Path, n_concurrent: int) -> None:
        """Note it."""
        assert not self.closed
        assert key == folder.name
        assert folder.is_absolute(), "a worker may stand elsewhere"
        assert n_concurrent == len(self.running)
        assert folder not in self.running, "a trial never runs beside itself"
        self.starts += 1
        self.running.append(folder)
        self.most = max(self.most, len(self.running))

    def poll(self, seconds: float) -> list[Ended]:
        """End what is to end."""
        assert 0 < seconds <= 1
        self.looks += 1
        if self.looks == self.lost_at:
            raise EngineLost("the process that starts workers died 6 times")
        ending = self.endings.pop(0) if self.endings else ok
        if isinstance(ending, type):
            dead, self.running = self.running, []
            return [Ended(folder.name, None, "SIGKILL") for folder in dead]
        return [ending(self.running.pop(0))]

    def cancel(self, key: str) -> None:
        """The supervisor leaves that to ``close``."""
        raise AssertionError

    def close(self) -> None:
        """Note it."""
        self.closed += 1
        self.running.clear()


def run(
    store: Store,
    specs: list[TrialSpec],
    executor: Executor,
    workers: int = 2,
    retry: bool = False,
    fresh: bool = False,
    notice: Callable[[str], None] = lambda text: None,
) -> dict[str, TrialFolder]:
    """The folders of the trials in the order in which they ended."""
    supervisor = Supervisor(store, workers, executor, notice)
    return {key: store.trial_folder(key) for key in supervisor.run(Job(spec, retry, fresh) for spec in specs)}


def measure(folder: TrialFolder, spec: TrialSpec) -> None:
    """Leave a trial with nothing more to do, as another run would."""
    folder.begin(spec)
    measured = make_measurements(code={cell.name: cell.code for cell in spec.metrics})
    write_atomic(folder.file("metrics.json"), measured.model_dump_json())
    folder.finish(make_attempt())


@pytest.mark.parametrize("workers", [1, 2, 4])
def test_so_many_at_a_time(store: Store, specs: list[TrialSpec], workers: int) -> None:
    fake = Fake()
    ended = run(store, specs, fake, workers=workers)
    assert list(ended) == [spec.key for spec in specs]
    assert fake.most == workers
    assert fake.closed == 1
    assert {folder.status() for folder in ended.values()} == {Status.OK}


def test_nothing_to_do_starts_nothing(store: Store) -> None:
    fake = Fake()
    assert run(store, [], fake) == {}
    assert (fake.starts, fake.looks, fake.closed) == (0, 0, 1)


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
    store: Store, specs: list[TrialSpec], ending: Callable[[Path], Ended], message: str, signal: str, code: int | None
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


def test_workers_that_are_killed_together_are_all_started_once_more(store: Store, specs: list[TrialSpec]) -> None:
    """As when the process that forks them dies; what had ended, and what comes after, is not touched by it."""
    fake = Fake(ok, Everybody)
    ended = run(store, specs, fake)
    assert [ended[spec.key].status() for spec in specs] == [Status.OK] * 6
    assert [len(ended[spec.key].attempts()) for spec in specs] == [1, 2, 2, 1, 1, 1]
    assert fake.starts == 8
    assert fake.most == 2


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
    claim = store.trial_folder(specs[0].key).claim()
    assert claim is not None
    told: list[str] = []

    def meanwhile(folder: Path) -> Ended:
        measure(store.trial_folder(specs[0].key), specs[0])
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
    claim = store.trial_folder(specs[0].key).claim()
    assert claim is not None

    def dies(folder: Path) -> Ended:
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
    claim = store.trial_folder(specs[0].key).claim()
    assert claim is not None

    def fails(folder: Path) -> Ended:
        other = store.trial_folder(specs[0].key)
        other.begin(specs[0])
        other.finish(make_attempt(Status.FAILED))
        claim.release()
        return ok(folder)

    fake = Fake(fails)
    ended = run(store, specs[:2], fake, retry=retry)
    assert fake.starts == 1
    assert ended[specs[0].key].status() is Status.FAILED


def test_what_was_done_since_it_was_planned_is_not_done_again(store: Store, specs: list[TrialSpec]) -> None:
    measure(store.trial_folder(specs[0].key), specs[0])
    fake = Fake()
    assert list(run(store, specs[:1], fake)) == [specs[0].key]
    assert fake.starts == 0


def test_fresh_drops_what_there_is(store: Store, specs: list[TrialSpec]) -> None:
    folder = store.trial_folder(specs[0].key)
    measure(folder, specs[0])
    fake = Fake()
    run(store, specs[:1], fake, fresh=True)
    assert fake.starts == 1
    assert folder.measurements() is None
    assert len(folder.attempts()) == 2


def test_claims_end_with_the_run(store: Store, specs: list[TrialSpec]) -> None:
    run(store, specs[:2], Fake(exits(3)))
    for spec in specs[:2]:
        claim = store.trial_folder(spec.key).claim()
        assert claim is not None
        assert store.trial_folder(spec.key).claim() is None, "but a claim is a claim"
        claim.release()


def test_what_is_damaged_is_quarantined(store: Store, specs: list[TrialSpec]) -> None:
    folder = store.trial_folder(specs[0].key)
    measure(folder, specs[0])
    content = folder.file("metrics.json").read_bytes().replace(b"1.0", b"1.5")
    folder.file("metrics.json").write_bytes(content)
    told: list[str] = []
    run(store, specs[:1], Fake(), notice=told.append)
    assert folder.status() is Status.OK
    assert len(folder.attempts()) == 1, "nothing of a damaged folder is trusted"
    place = store.root / "quarantine" / f"{specs[0].key}-1"
    assert (place / "metrics.json").read_bytes() == content
    assert told == [f"gmm/8gaussians/0/cpu: metrics.json is not what was written; set aside in {place}, and run again"]


# --- the executor ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("told", [Ended("", None, "SIGKILL"), Ended("", 255), Ended("", 3), Ended("", None, "SIGTERM")])
def test_a_result_that_lies_there_counts_whatever_is_told_of_its_worker(
    store: Store, specs: list[TrialSpec], told: Ended
) -> None:
    """The worker had written DONE; only the news of its end were lost."""

    def finished_unheard(folder: Path) -> Ended:
        ok(folder)
        return Ended(folder.name, told.code, told.signal)

    ended = run(store, specs[:1], Fake(finished_unheard))
    assert ended[specs[0].key].status() is Status.OK
    assert len(ended[specs[0].key].attempts()) == 1


@pytest.mark.parametrize(
    ("verdict", "reason", "kind"),
    [(Status.TIMEOUT, "not done after 9 s", "Timeout"), (Status.OOM, "used 3 GB; the cap is 2 GB", "MemoryCap")],
)
def test_what_the_executor_ended_itself_is_what_it_says(
    store: Store, specs: list[TrialSpec], verdict: Status, reason: str, kind: str
) -> None:
    """Also by SIGKILL: it is not tried again, for it would come to the same end."""
    fake = Fake(exits(None, "SIGKILL", verdict=verdict, reason=reason))
    folder = run(store, specs[:1], fake)[specs[0].key]
    attempt = folder.attempts()[-1]
    assert (folder.status(), attempt.status) == (verdict, verdict)
    assert (attempt.error_type, attempt.message, attempt.signal) == (kind, reason, "SIGKILL")
    assert fake.starts == len(folder.attempts()) == 1


def test_an_attempt_knows_how_many_ran_beside_it_and_where(store: Store, specs: list[TrialSpec]) -> None:
    ended = run(store, specs[:3], Fake(exits(3), exits(3), exits(3)), workers=3)
    attempts = [ended[spec.key].attempts()[-1] for spec in specs[:3]]
    assert [attempt.n_concurrent for attempt in attempts] == [0, 1, 2]
    assert all(attempt.machine_id for attempt in attempts)
    assert all(0 <= attempt.total_seconds < 60 for attempt in attempts)


def test_a_lost_engine_ends_the_run_and_its_claims(store: Store, specs: list[TrialSpec]) -> None:
    """What had ended by then is kept."""
    fake = Fake(lost_at=3)
    ended: list[str] = []
    with pytest.raises(EngineLost, match="died"):
        ended.extend(Supervisor(store, 2, fake).run(map(Job, specs)))
    assert ended == [spec.key for spec in specs[:2]]
    assert fake.closed == 1
    for spec in specs:
        claim = store.trial_folder(spec.key).claim()
        assert claim is not None
        claim.release()


def test_the_executor_is_closed_once(store: Store, specs: list[TrialSpec]) -> None:
    fake = Fake(Everybody)
    run(store, specs[:3], fake)
    assert fake.closed == 1


def test_an_abandoned_run_closes_its_executor(store: Store, specs: list[TrialSpec]) -> None:
    """What is being worked on then counts as not done."""
    fake = Fake()
    running = Supervisor(store, 2, fake).run(map(Job, specs))
    first = next(running)
    running.close()  # type: ignore[attr-defined]
    assert fake.closed == 1
    assert store.trial_folder(first).status() is Status.OK
    assert store.trial_folder(specs[1].key).status() is None


def test_who_is_told_of_a_start_is_told_before_it(store: Store, specs: list[TrialSpec]) -> None:
    fake, told = Fake(), list[tuple[str, int]]()
    keys = Supervisor(store, 2, fake).run(map(Job, specs[:3]), lambda key: told.append((key, fake.starts)))
    assert list(keys) == [spec.key for spec in specs[:3]]
    assert told == [(spec.key, number) for number, spec in enumerate(specs[:3])]


def test_an_attempt_is_added_to_those_before(store: Store, specs: list[TrialSpec]) -> None:
    run(store, specs[:1], Fake(exits(3)))
    run(store, specs[:1], Fake(ok), retry=True)
    folder = store.trial_folder(specs[0].key)
    assert [attempt.status for attempt in folder.attempts()] == [Status.CRASHED, Status.OK]
    assert folder.status() is Status.OK
