"""What befalls a results folder: damage, a full disk, a clock that goes back, two runs at once."""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tests.faults.runs import EBMBENCH, Outcome, Place, alive, environment, soon

pytestmark = pytest.mark.faults

SUITE = """\
name: faults
datasets: [8gaussians]
data: {set: 300, validation: 300, test: 300}
methods: [nce, {name: gmm, components: 4}, dsm]
net: {features: 16, scales: [1, 2], width: 16, depth: 2}
budget: {steps: 20}
seeds: 3
metrics: [skill, kl]
timeout: 2m
memory: 1GB
"""
Damage = Callable[[Path], None]


def flip(path: Path) -> None:
    """One bit, in the middle."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def truncate(path: Path) -> None:
    """Half a file."""
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


def empty(path: Path) -> None:
    """Nothing in it."""
    path.write_bytes(b"")


def remove(path: Path) -> None:
    """Not there any more."""
    path.unlink()


RECORDS = ("trial.json", "TRAINED", "metrics.json", "curve.jsonl", "attempts.jsonl")
ARTIFACTS = ("model.pt", "surface.npz", "samples.npz")
BOARDS = ("leaderboard.md", "leaderboard.csv", "trials.csv", "metrics.md", "surfaces.png", "forest.svg", "report.html")
PRODUCTS = (*BOARDS, "trials.parquet", "metrics.parquet")


def put(folder: Path) -> Place:
    """A place with the suite."""
    (folder / "faults.yaml").write_text(SUITE)
    return Place(folder)


def named(result: Outcome) -> dict[str, Any]:
    """Metrics by the trial's name."""
    return {trial["name"]: trial["metrics"] for trial in json.loads(result.out)["trials"]}


def keys(result: Outcome) -> dict[str, str]:
    """The trial's key by its name."""
    return {trial["name"]: trial["key"] for trial in json.loads(result.out)["trials"]}


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Outcome]:
    """A results folder after a run that went well."""
    here = put(tmp_path_factory.mktemp("first"))
    result = here.run()
    assert result.code == 0, result.err
    assert len(named(result)) == 9
    return here.folder, result


@pytest.fixture
def place(tmp_path: Path, first: tuple[Path, Outcome]) -> Place:
    """A copy of it."""
    shutil.copytree(first[0], tmp_path / "here")
    return Place(tmp_path / "here")


def trial(place: Place, key: str) -> Path:
    """The folder of a trial."""
    return place.folder / "results" / "trials" / key[:2] / key


def calm(result: Outcome) -> None:
    """No traceback, no terminal code."""
    assert "Traceback" not in result.err
    assert "\x1b" not in result.err


# --- damage ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (flip, "is not what was written"),
        pytest.param(truncate, "bytes, not the", marks=pytest.mark.slow),
        pytest.param(empty, "has 0 bytes", marks=pytest.mark.slow),
        pytest.param(remove, "is missing", marks=pytest.mark.slow),
    ],
)
def test_damaged_trials_are_quarantined_and_run_again(
    place: Place, first: tuple[Path, Outcome], damage: Damage, said: str
) -> None:
    """A record of each kind in a trial of its own, all in one folder; what is whole is not touched."""
    by_name = keys(first[1])
    targets = dict(zip(by_name, (*RECORDS, *(() if damage is flip else ARTIFACTS)), strict=False))
    for name, file in targets.items():
        damage(trial(place, by_name[name]) / file)
    spoiled = {name: (trial(place, by_name[name]) / "DONE").read_bytes() for name in targets}
    whole = {name: (trial(place, key) / "DONE").read_bytes() for name, key in by_name.items() if name not in targets}
    result = place.run()
    calm(result)
    assert result.code == 0, result.err
    assert named(result) == named(first[1]), "the same numbers as before"
    for name, file in targets.items():
        quarantined = place.folder / "results" / "quarantine" / f"{by_name[name]}-1"
        line = next(line for line in result.err.splitlines() if line.startswith(f"{name}: "))
        assert f"{file} " in line
        assert said in line
        assert f"set aside in results/quarantine/{by_name[name]}-1, and run again" in line
        assert (quarantined / "DONE").read_bytes() == spoiled[name]
    for name, content in whole.items():
        assert (trial(place, by_name[name]) / "DONE").read_bytes() == content, "it was not run again"
    assert len(list((place.folder / "results" / "quarantine").iterdir())) == len(targets)


def test_a_damaged_done_is_damage_too(place: Place, first: tuple[Path, Outcome]) -> None:
    by_name = keys(first[1])
    targets = dict(zip(by_name.values(), [flip, truncate, empty], strict=False))
    for key, damage in targets.items():
        damage(trial(place, key) / "DONE")
    result = place.run()
    calm(result)
    assert result.code == 0, result.err
    assert named(result) == named(first[1])
    for key in targets:
        assert f"set aside in results/quarantine/{key}-1" in result.err


@pytest.mark.parametrize("what", ["folder", "DONE"])
def test_what_is_gone_is_run_again(place: Place, first: tuple[Path, Outcome], what: str) -> None:
    """Without a word: there is nothing to quarantine."""
    key = next(iter(keys(first[1]).values()))
    if what == "folder":
        shutil.rmtree(trial(place, key))
    else:
        (trial(place, key) / "DONE").unlink()
    result = place.run()
    assert result.code == 0, result.err
    assert named(result) == named(first[1])
    assert "9 trials, 1 to run, 8 done before" in result.err
    assert not (place.folder / "results" / "quarantine").exists()


def test_a_damaged_artifact_is_seen_when_it_is_read(place: Place, first: tuple[Path, Outcome]) -> None:
    """By the figure or by the user; the run after that makes it anew."""
    by_name = keys(first[1])
    drawn, read = trial(place, by_name["nce/8gaussians/0/cpu"]), trial(place, by_name["dsm/8gaussians/1/cpu"])
    flip(drawn / "surface.npz")
    flip(read / "model.pt")
    (place.folder / "results" / "faults" / "runs").rename(place.folder / "gone")  # so that all is drawn again
    result = place.run()
    calm(result)
    assert "nce/8gaussians/0/cpu: " in result.err
    assert "surface.npz: missing, or not what was written; run the suite again" in result.err
    code = "import ebmbench; ebmbench.load('faults').model('dsm/8gaussians/1/cpu')"
    asked = subprocess.run([sys.executable, "-c", code], cwd=place.folder, capture_output=True, text=True, check=False)
    assert "UsageError" in asked.stderr
    assert "model.pt: missing, or not what was written; run the suite again" in asked.stderr

    again = place.run()
    calm(again)
    assert again.code == 0, again.err
    assert named(again) == named(first[1])
    assert again.err.count("set aside in results/quarantine/") == 2
    assert place.run().err.count("set aside") == 0


@pytest.mark.parametrize("damage", [flip, truncate, empty, remove])
def test_damaged_tables_are_written_anew(place: Place, first: tuple[Path, Outcome], damage: Damage) -> None:
    """Nothing is trained for it."""
    suite = place.folder / "results" / "faults"
    (run,) = (suite / "runs").iterdir()
    before = {name: (run / name).read_bytes() for name in PRODUCTS}
    for name in PRODUCTS:
        damage(run / name)
        if (suite / name).exists():
            damage(suite / name)
    result = place.run()
    calm(result)
    assert result.code == 0
    assert "9 trials, 0 to run, 9 done before" in result.err
    assert {name: (run / name).read_bytes() for name in PRODUCTS} == before
    for name in BOARDS:
        assert (suite / name).read_bytes() == before[name]


@pytest.mark.parametrize("damage", [flip, truncate, empty, remove])
def test_damaged_notes_are_written_anew(place: Place, first: tuple[Path, Outcome], damage: Damage) -> None:
    suite = place.folder / "results" / "faults"
    for name in ("run.json", "sums.json", "mlflow.json", "latest"):
        (path,) = suite.rglob(name)
        damage(path)
    result = place.run()
    calm(result)
    assert result.code == 0, result.err
    assert named(result) == named(first[1])
    shown = subprocess.run(
        [EBMBENCH, "report", "faults", "--format", "md"], cwd=place.folder, capture_output=True, text=True, check=False
    )
    assert shown.returncode == 0, shown.stderr
    assert shown.stdout == (first[0] / "results" / "faults" / "leaderboard.md").read_text()


def test_leftovers_of_a_killed_worker_are_swept(place: Place, first: tuple[Path, Outcome]) -> None:
    """A temporary file, half a line of a curve, half a snapshot."""
    key = next(iter(keys(first[1]).values()))
    folder = trial(place, key)
    for name in ("DONE", "TRAINED", "metrics.json"):
        (folder / name).unlink()
    (folder / ".model.pt.77.tmp").write_bytes(b"half")
    (folder / "snapshot.pt").write_bytes(b"half")
    with (folder / "curve.jsonl").open("ab") as file:
        file.write(b'{"step": 1')
    result = place.run()
    calm(result)
    assert result.code == 0, result.err
    assert named(result) == named(first[1])
    assert not [path.name for path in folder.iterdir() if path.name.endswith((".tmp", "snapshot.pt"))]


# --- a disk that takes nothing more ----------------------------------------------------------------------------------


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """Makes a file system in memory with mount's options; only root may."""
    place = tmp_path / "disk"
    place.mkdir()

    def mount(options: str) -> Path:
        made = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(place)], capture_output=True, text=True, check=False
        )
        if made.returncode:
            pytest.skip("file systems cannot be mounted here")
        return place

    if os.getuid() != 0 or not shutil.which("mount"):
        pytest.skip("file systems cannot be mounted here")
    yield mount
    subprocess.run(["umount", str(place)], check=False, capture_output=True)


def test_a_full_disk_ends_the_run_and_keeps_what_is_done(
    tmp_path: Path, first: tuple[Path, Outcome], small_disk: Callable[[str], Path]
) -> None:
    disk = small_disk("size=6m")
    here = put(tmp_path)
    result = here.run("--results", str(disk))
    calm(result)
    assert result.code == 5, result.err
    assert os.strerror(errno.ENOSPC) in result.err.splitlines()[-1]
    assert soon(lambda: not alive(here.token), 5)
    done = [path for path in disk.glob("trials/*/*/DONE") if json.loads(path.read_text())["status"] == "ok"]
    assert 0 < len(done) < 9, "some were done before it was full"
    before = {path: path.read_bytes() for path in done}
    subprocess.run(["mount", "-o", "remount,size=100m", str(disk)], check=True)
    again = here.run("--results", str(disk), "--retry-failed")
    calm(again)
    assert again.code == 0, again.err
    assert named(again) == named(first[1])
    assert all(path.read_bytes() == content for path, content in before.items())


def test_a_read_only_folder_is_refused_and_can_be_read(
    place: Place, first: tuple[Path, Outcome], small_disk: Callable[[str], Path]
) -> None:
    disk = small_disk("size=500m")
    shutil.copytree(place.folder / "results", disk, dirs_exist_ok=True)
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    result = place.run("--results", str(disk))
    calm(result)
    assert result.code == 2
    assert result.err == f"error: results folder {disk}: cannot be written to: {os.strerror(errno.EROFS)}\n"
    key = next(iter(keys(first[1]).values()))
    for verb in (["report", "faults"], ["info", key]):
        shown = subprocess.run(
            [EBMBENCH, *verb, "--results", str(disk)], cwd=place.folder, capture_output=True, text=True, check=False
        )
        assert shown.returncode == 0, shown.stderr
        assert "nce" in shown.stdout


# --- clocks ----------------------------------------------------------------------------------------------------------

CLOCK = '''
import datetime as module
import itertools
import os
import sys
import time

hours = itertools.count(int(os.environ["HOURS_BACK"]))
real = time.time
time.time = lambda: real() - 3600 * next(hours)


class Backwards(module.datetime):
    """Each look at it is an hour before the last."""

    @classmethod
    def now(cls, tz=None):
        return module.datetime.fromtimestamp(time.time(), tz)


import ebmbench.cli
import ebmbench.planning.plan
import ebmbench.execution.supervisor

ebmbench.planning.plan.datetime = ebmbench.execution.supervisor.datetime = Backwards
sys.argv[0] = "ebmbench"
ebmbench.cli.main()
'''


def test_a_clock_that_goes_back(tmp_path: Path, first: tuple[Path, Outcome]) -> None:
    """Durations are of a monotonic clock; the same plan is the same run, and the last run is what was last written."""
    here = put(tmp_path)

    def run(hours: int, *options: str) -> Outcome:
        done = subprocess.run(
            [sys.executable, "-c", CLOCK, "run", "faults.yaml", "--json", *options],
            cwd=tmp_path,
            env=environment(here.token, HOURS_BACK=str(hours)),
            capture_output=True,
            text=True,
            check=False,
        )
        return Outcome(done.returncode, done.stdout, done.stderr)

    result = run(0, "-k", "nce or gmm")
    calm(result)
    assert result.code == 0, result.err
    result = run(100)
    calm(result)
    assert result.code == 0, result.err
    assert named(result) == named(first[1])
    assert "9 trials, 3 to run, 6 done before" in result.err
    again = run(10_000)
    assert "9 trials, 0 to run, 9 done before" in again.err
    run_id = json.loads(result.out)["run_id"]
    assert json.loads(again.out)["run_id"] == run_id
    assert (tmp_path / "results" / "faults" / "latest").read_text().strip() == run_id
    narrow = next(path.name for path in (tmp_path / "results" / "faults" / "runs").iterdir() if path.name != run_id)
    assert narrow > run_id, "the clock did go back"
    for key in keys(result).values():
        for attempt in here.attempts(key):
            assert 0 < attempt["total_seconds"] < 600


# --- two runs at once ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("times", [pytest.param(2, marks=pytest.mark.slow), 3])
def test_runs_at_once_share_the_work(tmp_path: Path, first: tuple[Path, Outcome], times: int) -> None:
    here = put(tmp_path)
    processes = [here.start("--workers", "1") for _ in range(times)]
    results = [here.end(process) for process in processes]
    for result in results:
        calm(result)
        assert result.code == 0, result.err
        assert named(result) == named(first[1])
    key = keys(results[0])
    assert [len(here.attempts(each)) for each in key.values()] == [1] * 9, "each trial was run once"
    runs = list((tmp_path / "results" / "faults" / "runs").iterdir())
    for run in runs:
        sums = json.loads((run / "sums.json").read_text())
        assert set(sums) == {*PRODUCTS, "run.json"}
    ours, theirs = (pd.read_csv(folder / "results" / "faults" / "leaderboard.csv") for folder in (tmp_path, first[0]))
    pd.testing.assert_frame_equal(ours[ours.metric != "train_seconds"], theirs[theirs.metric != "train_seconds"])
    assert here.run().err.count("0 to run") == 1


def test_a_run_goes_on_with_what_a_killed_one_beside_it_had(tmp_path: Path, first: tuple[Path, Outcome]) -> None:
    here = put(tmp_path)
    other = Place(tmp_path)
    killed = other.start("--workers", "1")
    trials = tmp_path / "results" / "trials"
    assert soon(lambda: len(list(trials.glob("*/*/DONE"))) >= 2, 60)
    survivor = here.start("--workers", "1")
    assert soon(lambda: len(list(trials.glob("*/*/DONE"))) >= 5, 60)
    killed.kill()
    killed.communicate()
    result = here.end(survivor)
    calm(result)
    assert result.code == 0, result.err
    assert named(result) == named(first[1])
    assert soon(lambda: not alive(other.token), 5)


def test_a_terminal_that_is_gone_ends_nothing(tmp_path: Path, first: tuple[Path, Outcome]) -> None:
    """Its reader left, as in ``ebmbench run ... 2>&1 | head -1``: the trials go on, and their tables are written."""
    here = put(tmp_path)
    process = subprocess.Popen(
        [EBMBENCH, "run", "faults.yaml"],
        cwd=tmp_path,
        env=environment(here.token),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    process.stderr.readline()
    process.stderr.close()
    process.wait(timeout=150)
    assert soon(lambda: not alive(here.token), 5)
    again = here.run()
    calm(again)
    assert "9 trials, 0 to run, 9 done before" in again.err
    assert named(again) == named(first[1])
