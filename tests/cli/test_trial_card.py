"""The card of a trial: what is stored of it, and why it was or was not cached."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from ebmbench.catalog.loading import load_catalog
from ebmbench.cli import group
from ebmbench.contracts.records import Status
from ebmbench.errors import UsageError
from ebmbench.identity.canonical import canonical, sha256
from ebmbench.identity.differences import differences
from ebmbench.planning.current_identity import CurrentIdentity
from ebmbench.planning.plan import Planner
from ebmbench.store.files import write_atomic
from ebmbench.store.folders import Store
from ebmbench.store.records import TrialSpec, Value
from ebmbench.store.runs import RunResult, save_run
from ebmbench.suite.loading import read_suite
from tests.factories import make_attempt, make_measurements, make_spec, make_training


def info(*args: str) -> Result:
    return CliRunner().invoke(group, ["info", *args], standalone_mode=False)


def card(*args: str) -> str:
    done = info(*args)
    assert done.exit_code == 0, done.exception
    return done.stdout


@pytest.fixture
def results(tmp_path: Path) -> tuple[Path, str]:
    """A store with one trial that crashed, then ended well; and its key."""
    spec = make_spec(7)
    folder = Store(tmp_path).trial_folder(spec.key)
    folder.begin(spec)
    training = make_training(train_seconds=1.5, steps=10, passes=30)
    write_atomic(folder.file("TRAINED"), training.model_dump_json())
    measured = make_measurements([Value("kl", "raw", 0.125), Value("tv", "raw", note="n/a: \x1b[31mno")])
    write_atomic(folder.file("metrics.json"), measured.model_dump_json())
    crash = {"error_type": "Crash", "message": "killed by SIGSEGV"}
    folder.finish(make_attempt(Status.CRASHED, started="2026-01-01", total_seconds=2.5, **crash))
    folder.finish(make_attempt(started="2026-01-02", total_seconds=3.5))
    return tmp_path, spec.key


@pytest.mark.parametrize("digits", [16, 6])
def test_what_is_stored_of_a_trial(results: tuple[Path, str], digits: int) -> None:
    """By its key, or the beginning of it."""
    root, key = results
    text = card(key[:digits], "--results", str(root))
    lines = [" ".join(line.split()) for line in text.splitlines()]
    assert lines[0] == f"{key}: nce on moons, seed 7, cpu"
    assert "status ok" in lines
    assert "attempt 2026-01-01 crashed 2.5 s Crash: killed by SIGSEGV" in lines
    assert "attempt 2026-01-02 ok 3.5 s" in lines
    assert "training 1.50 s, 10 steps, 30 passes" in lines
    assert "kl raw 0.125" in lines
    assert "tv raw n/a: \N{REPLACEMENT CHARACTER}[31mno" in lines
    assert "\x1b" not in text


def test_the_end_of_the_log_with_the_traceback_is_shown(results: tuple[Path, str]) -> None:
    root, key = results
    assert "log" not in card(key, "--results", str(root)).split(), "nothing was written"
    folder = Store(root).trial_folder(key)
    log = ["started", *(f"step {n}" for n in range(99)), "\x1b[31mTraceback (most recent call last):", "Boom: no"]
    folder.file("log.txt").write_text("\n".join(log))
    lines = card(key, "--results", str(root)).splitlines()
    start = next(n for n, line in enumerate(lines) if line.startswith("  log "))
    assert lines[start] == f"  log       {folder.file('log.txt')}, its end:"
    shown = [line for line in lines[start + 1 :] if line.startswith("    | ")]
    assert shown[-3:] == [
        "    | step 98",
        "    | \N{REPLACEMENT CHARACTER}[31mTraceback (most recent call last):",
        "    | Boom: no",
    ]
    assert len(shown) == 30


def test_where_the_log_is_gone_what_the_attempt_kept_of_it_is_shown(results: tuple[Path, str]) -> None:
    root, key = results
    folder = Store(root).trial_folder(key)
    folder.finish(make_attempt(Status.CRASHED, stderr=("Fatal Python error: \x1b[2J",)))
    assert "    | Fatal Python error: \N{REPLACEMENT CHARACTER}[2J" in card(key, "--results", str(root)).splitlines()


def test_a_trial_that_was_damaged_is_not_finished(results: tuple[Path, str]) -> None:
    root, key = results
    (root / "trials" / key[:2] / key / "DONE").unlink()
    assert "status    not finished" in card(key, "--results", str(root))


@pytest.mark.parametrize("name", ["../../etc", "..", "*", "ab", "", "ffffffffffffffff"])
def test_what_is_no_key_is_nothing(results: tuple[Path, str], name: str) -> None:
    done = info(name, "--results", str(results[0]))
    assert isinstance(done.exception, UsageError)
    assert done.stdout == ""


# --- why a trial was or was not cached -------------------------------------------------------------------------------

SUITE = """\
name: told
datasets: [moons]
methods: [nce, gmm]
budget: {steps: 5}
seeds: 1
metrics: [skill]
"""


@pytest.fixture
def told(tmp_path: Path) -> Callable[..., dict[str, TrialSpec]]:
    """Plans a suite and keeps its run and its trials, as if they had been run."""

    def plan(old: str = "", new: str = "", status: Status | None = Status.OK) -> dict[str, TrialSpec]:
        path = tmp_path / "told.yaml"
        path.write_text(SUITE.replace(old, new) if old else SUITE)
        suite, source = read_suite(str(path))
        store = Store(tmp_path / "results")
        made = Planner(suite, source, load_catalog(), store).plan()
        save_run(RunResult(made.run, store))
        for trial in made.trials:
            folder = store.trial_folder(trial.view.key)
            folder.begin(trial.spec)
            if status is not None:
                folder.finish(make_attempt(status))
        return {trial.view.name: trial.spec for trial in made.trials}

    return plan


def reasons(root: Path, *args: str) -> list[str]:
    """What is said after the facts."""
    lines = card(*args, "--results", str(root / "results")).splitlines()
    facts = ("status", "folder", "run", "attempt")
    return [line for line in lines[1:] if line.split()[0] not in facts]


@pytest.mark.long
def test_the_key_of_a_new_trial_is_that_of_today(told: Callable[..., Any], tmp_path: Path) -> None:
    """What is made anew of a stored trial is what a plan makes: of every method and dataset of the catalog."""
    catalog = load_catalog()
    told("methods: [nce, gmm]", f"methods: [{', '.join(catalog.methods)}]")
    specs = told("datasets: [moons]", f"datasets: [{', '.join(catalog.datasets)}]")
    specs |= told("seeds: 1", "devices: [{device: cpu, threads: 2}]\nnet: {width: 32}\ndata: {train: 100}\nseeds: [3]")
    assert len(specs) > len(catalog.datasets)
    for spec in specs.values():
        today = CurrentIdentity.of(json.loads(spec.model_dump_json()), catalog)
        assert (differences(spec.identity, today.identity), today.remarks) == ([], ())


@pytest.mark.long
@pytest.mark.parametrize(
    ("status", "said"),
    [
        (Status.OK, "it is cached"),
        (None, "it is not finished, and a run goes on with it"),
        (Status.TIMEOUT, "it ended as timeout, and only a run with --retry-failed tries it again"),
    ],
)
def test_the_same_key_as_today(told: Callable[..., Any], tmp_path: Path, status: Status | None, said: str) -> None:
    key = told(status=status)["nce/moons/0/cpu"].key
    for name in (key, key[:5], "nce/moons/0/cpu"):
        assert reasons(tmp_path, name) == [f"  same key as today: {said}"]


@pytest.mark.long
def test_a_name_tells_what_made_it_another_trial_than_before(told: Callable[..., Any], tmp_path: Path) -> None:
    old = told()["nce/moons/0/cpu"].key
    new = told("[nce, gmm]", "[{name: nce, noise_ratio: 8}, gmm]")["nce/moons/0/cpu"].key
    lines = reasons(tmp_path, "nce/moons/0/cpu")
    assert lines[0] == "  same key as today: it is cached"
    assert lines[1] == (
        "    method    noise_ratio is 8 here and 4 by default; a suite that leaves it out means another trial"
    )
    assert lines[2].startswith(f"  since {old} of told/")
    assert lines[3:] == ["    method    noise_ratio 4, now 8"]
    assert reasons(tmp_path, "gmm/moons/0/cpu") == ["  same key as today: it is cached"]
    assert card(old, new, "--results", str(tmp_path / "results")).splitlines() == [
        f"{old}, now {new}",
        "  method    noise_ratio 4, now 8",
    ]
    assert card(new, "nce/moons/0/cpu", "--results", str(tmp_path / "results")).endswith("  the same key\n")


def stored_with(told: Callable[..., Any], root: Path, change: Callable[[dict[str, Any]], object]) -> str:
    """A trial as another version would have written it; its key."""
    spec = told()["nce/moons/0/cpu"]
    held = json.loads(spec.model_dump_json())
    change(held)
    key = sha256(canonical(held["identity"]))[:16]
    folder = Store(root / "results").trial_folder(key)
    folder.path.mkdir(parents=True, exist_ok=True)
    write_atomic(folder.file("trial.json"), json.dumps(held))
    return key


def version_of_torch(held: dict[str, Any]) -> None:
    held["identity"]["code"]["versions"] = [
        [name, "1.0" if name == "torch" else text] for name, text in held["identity"]["code"]["versions"]
    ]


@pytest.mark.long
@pytest.mark.parametrize(
    ("change", "said"),
    [
        (version_of_torch, "    version   torch 1.0, now "),
        (lambda held: held["identity"].update(schema=0), "    schema    0, now 2"),
        (lambda held: held["identity"]["method"].update(kind="ranking"), "    kind      ranking, now normalized"),
        (lambda held: held["identity"]["method"]["params"].pop("lr"), "    method    lr is new: 0.002"),
        (lambda held: held["identity"]["net"].update(gone=1), "    net       gone 1, now gone"),
        (
            lambda held: held["method"].update(name="long_gone", file="plugins/0/gone.py"),
            "  no such trial today: no plugin offers method 'long_gone'; it was of a single file: give that with -p,"
            " or its copy plugins/0/gone.py",
        ),
        (
            lambda held: held["method"]["params"].update(lr="x"),
            "  no such trial today: method 'nce' refuses what it had: lr:",
        ),
        (lambda held: held.pop("dataset"), "  no such trial today: trial.json is not of today's form"),
        (lambda held: held["identity"].update(budget={}), "  no such trial today: budget of today refuses what it had"),
    ],
)
def test_what_is_stored_by_another_version_is_a_sentence(
    told: Callable[..., Any], tmp_path: Path, change: Callable[[dict[str, Any]], object], said: str
) -> None:
    key = stored_with(told, tmp_path, change)
    lines = reasons(tmp_path, key)
    assert any(line.startswith(said) for line in lines), lines


@pytest.mark.long
@pytest.mark.parametrize(
    "content", [b"", b"\xff\x00", b"[]", b"{}", b'{"identity": 3}', b'{"identity": {"seed": NaN}}']
)
def test_a_damaged_trial_is_a_sentence(told: Callable[..., Any], tmp_path: Path, content: bytes) -> None:
    key = told()["nce/moons/0/cpu"].key
    Store(tmp_path / "results").trial_folder(key).file("trial.json").write_bytes(content)
    said = f"  trial.json of {key} is damaged: a run of its suite runs it again"
    assert reasons(tmp_path, key) == [said]
    assert reasons(tmp_path, "nce/moons/0/cpu") == [said]
    assert card(key, key, "--results", str(tmp_path / "results")).splitlines()[1:] == [said]


def test_a_trial_that_is_not_there_any_more_is_a_sentence(told: Callable[..., Any], tmp_path: Path) -> None:
    key = told()["nce/moons/0/cpu"].key
    shutil.rmtree(Store(tmp_path / "results").trial_folder(key).path)
    assert reasons(tmp_path, "nce/moons/0/cpu") == [f"  nothing is stored of {key}: it was not run, or was taken away"]


@pytest.mark.long
def test_a_damaged_record_of_a_run_hides_no_other(told: Callable[..., Any], tmp_path: Path) -> None:
    told()
    (tmp_path / "results" / "told" / "runs" / "broken").mkdir()
    (tmp_path / "results" / "told" / "runs" / "broken" / "run.json").write_bytes(b"{")
    assert reasons(tmp_path, "nce/moons/0/cpu") == ["  same key as today: it is cached"]


@pytest.mark.long
@pytest.mark.parametrize(
    ("names", "said"),
    [
        (("nce/moon/0/cpu",), "nothing is called 'nce/moon/0/cpu'; did you mean 'nce/moons/0/cpu'?"),
        (("nce/moons/0/cpu", "gmm/moon/0/cpu"), "is called 'gmm/moon/0/cpu'; did you mean 'gmm/moons/0/cpu'?"),
        (("nce/moons/0/cpu", "abc"), "is called 'abc'"),
    ],
)
def test_an_unknown_trial_is_answered_with_the_nearest(
    told: Callable[..., Any], tmp_path: Path, names: tuple[str, ...], said: str
) -> None:
    told()
    done = info(*names, "--results", str(tmp_path / "results"))
    assert isinstance(done.exception, UsageError)
    assert said in str(done.exception)
    assert done.stdout == ""
