"""What large suites cost: 100,000 trials to plan, 10,000 to find done or to make tables of. ``make perf``.

Bounds, of the whole process, on one core of a machine that does nothing else:

| what                                          | seconds | peak memory |
|---|---|---|
| ``plan`` of 100,000 new trials, also --json   | 20      | 500 MB      |
| ``run`` of 10,000 trials that are all cached  | 10      | -           |
| ``run`` that makes all tables of 10,000       | 30      | -           |
| ``report`` of 10,000 trials, as csv or as md  | 20      | -           |

Measured with two cores free: 4 s and 394 MB; 9 s and 702 MB; 20 to 24 s and 1.8 GB.

The memory is asserted. Seconds of the processor are shown (``cpu``) and not asserted: they depend on the machine.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from ebmbench import session
from ebmbench.catalog.loading import load_catalog
from ebmbench.cli import group
from ebmbench.contracts.records import EnergyKind
from ebmbench.planning.plan import TrialState
from ebmbench.store.runs import RunResult
from tests.perf.large import Fill, call, filled, methods, planned, suite

MAX_PLAN_BYTES = 500_000_000


def finish(made: session.Planned) -> RunResult:
    """The steps that follow."""
    return session.conclude(session.measure(session.execute(made)))


def products() -> list[str]:
    """The files of a suite's last full run on the plane."""
    elsewhere = ("dimension.svg", "frames.png")
    found = [entry.spec.product for entry in load_catalog().reporters.values() if entry.spec.product]
    return [name for name in found if name not in elsewhere]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("scale")


@pytest.fixture(scope="module")
def done(place: Path, fill: Fill) -> list[str]:
    """The arguments that name a suite of 10,000 trials, all of them done."""
    file, results = suite(place, methods(), 50), place / "full"
    assert len(filled(file, results, fill).trials) == 10_000
    return [str(file), "--results", str(results)]


@pytest.mark.perf
@pytest.mark.benchmark(group="100,000 trials to plan: at most 20 s, 500 MB")
@pytest.mark.parametrize("options", [[], ["--json"], ["-k", "nce and rings"]], ids=" ".join)
def test_plan(benchmark: Any, place: Path, options: list[str]) -> None:
    file = suite(place, methods(), 500)
    used = benchmark.pedantic(call, ["plan", str(file), "--results", str(place / "empty"), *options])
    benchmark.extra_info["measured"] = used
    assert used["peak_bytes"] < MAX_PLAN_BYTES


@pytest.mark.perf
@pytest.mark.benchmark(group="the tables of 10,000 trials: at most 30 s")
def test_tables(benchmark: Any, done: list[str]) -> None:
    benchmark.extra_info["measured"] = benchmark.pedantic(call, ["run", *done])
    assert all((Path(done[-1]) / "large" / name).is_file() for name in products())


@pytest.mark.perf
@pytest.mark.benchmark(group="a report of 10,000 trials from nothing: at most 20 s")
@pytest.mark.parametrize("kind", ["csv", "md"])
def test_report(benchmark: Any, done: list[str], kind: str) -> None:
    call("run", *done)
    product = Path(done[-1]) / f"leaderboard.{kind}"
    benchmark.extra_info.update(
        benchmark.pedantic(call, ["report", "large", *done[1:], "--format", kind, "-o", str(product)])
    )
    assert product.stat().st_size


@pytest.mark.perf
@pytest.mark.benchmark(group="10,000 trials that are all cached: at most 10 s")
def test_cached(benchmark: Any, done: list[str]) -> None:
    call("run", *done)
    benchmark.extra_info["measured"] = benchmark.pedantic(call, ["run", *done])


# --- what makes it fast -----------------------------------------------------------------------------------------------


def opened(monkeypatch: pytest.MonkeyPatch, act: Callable[[], object], below: Path) -> list[str]:
    """The names of the files below a folder that are opened meanwhile."""
    names: list[str] = []
    original = Path.open

    def note(path: Path, *arguments: Any, **options: Any) -> Any:
        if below in path.parent.parents:  # of a trial, not beside them
            names.append(path.name)
        return original(path, *arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", note)
        act()
    return names


@pytest.mark.long
def test_a_cached_trial_is_read_once(tmp_path: Path, fill: Fill, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that finds all done opens seven files a trial: six for the status, one to be parsed. No mirror is made."""
    file, results = suite(tmp_path, ["nce", "kmeans"], 2), tmp_path / "results"
    count = len(filled(file, results, fill).trials)
    finish(planned(file, results))

    def again() -> None:
        made = planned(file, results)
        assert len(made.plan.of(TrialState.CACHED)) == count == 20
        assert {view.kind for view in made.plan.run.trials} == {EnergyKind.NORMALIZED, EnergyKind.RANKING}
        finish(made)

    names = opened(monkeypatch, again, results / "trials")
    assert {name: names.count(name) / count for name in set(names)} == {
        "DONE": 1,
        "trial.json": 1,
        "metrics.json": 2,
        "TRAINED": 1,
        "curve.jsonl": 1,
        "attempts.jsonl": 1,
    }


# --- what a default run does of the benchmarks ------------------------------------------------------------------------


@pytest.fixture
def small(tmp_path: Path, fill: Fill, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Five trials, all of them done; the command is called in this process."""

    def run(*arguments: str) -> dict[str, float]:
        done = CliRunner().invoke(group, arguments, standalone_mode=False)
        assert (done.exception, done.exit_code) == (None, 0), done.output
        return {"cpu": 0.0, "peak_bytes": 0}

    monkeypatch.setitem(globals(), "call", run)
    file, results = suite(tmp_path, ["nce"], 1), tmp_path / "results"
    assert len(filled(file, results, fill).trials) == 5
    return [str(file), "--results", str(results)]


@pytest.mark.long
def test_a_plan_can_be_timed(once: Any, small: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(globals(), "suite", lambda folder, names, seeds: small[0])
    test_plan(once, Path(small[-1]), ["-k", "nce and rings"])


@pytest.mark.long
def test_tables_can_be_timed(once: Any, small: list[str]) -> None:
    test_tables(once, small)


@pytest.mark.long
def test_a_report_can_be_timed(once: Any, small: list[str]) -> None:
    test_report(once, small, "csv")


@pytest.mark.long
def test_a_run_of_cached_trials_can_be_timed(once: Any, small: list[str]) -> None:
    test_cached(once, small)
