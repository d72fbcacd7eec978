"""Gates that are disturbed, and trees that cannot be judged: one clear sentence, the right exit code, nothing left."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.faults.gates import PLUGIN, SUITE, TWICE, GatePlace, edited
from tests.faults.runs import Outcome, alive, cmdline, soon, workers_of
from tests.repositories import commit, git, start

pytestmark = [
    pytest.mark.faults,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="workers are forked on Linux alone"),
]

GATE = ("gate", "--suite", "tiny.yaml", "-k", "mine")
SHORT = ("--budget-minutes", "0.01")
"""Time for counting alone."""
LEFT = 10
"""Seconds in which all processes must be gone: one that has only begun to start sees its end when it is up."""
DOZES = edited("time.sleep(0 if os.environ.get('CALM') else 0.2)")


@pytest.fixture
def place(tmp_path: Path) -> GatePlace:
    return GatePlace.of(tmp_path / "repository")


def nothing_left(place: GatePlace) -> None:
    """Neither a process nor a worktree."""
    assert soon(lambda: not alive(place.token), LEFT), [cmdline(left) for left in alive(place.token)]
    assert place.worktrees == 1
    assert git(place.folder, "status", "--porcelain", "--ignored=no", "--untracked-files=no").count("\n") <= 1


def refused(done: Outcome, said: str) -> None:
    """One sentence, and exit code 2."""
    assert (done.code, done.out) == (2, ""), done.err
    assert said in done.err.splitlines()[-1]
    assert done.err.splitlines()[-1].startswith("error: ")
    assert "Traceback" not in done.err


# --- killed -----------------------------------------------------------------------------------------------------------


def at_work(place: GatePlace, *options: str) -> subprocess.Popen[str]:
    """A gate of a method that dozes, once one of its trials has ended and another is at work."""
    place.write(mine_py=DOZES)
    process = place.start(*GATE, *options)
    assert soon(lambda: place.done and workers_of(place.token), 300), process.poll()
    return process


@pytest.mark.timeout(600)
def test_killed_and_asked_again(place: GatePlace) -> None:
    """What ran is not lost; the worktree that nobody took away is no obstacle."""
    process = at_work(place)
    before = place.done
    process.send_signal(signal.SIGKILL)
    assert place.end(process).code == -signal.SIGKILL
    assert soon(lambda: not alive(place.token), LEFT), [cmdline(left) for left in alive(place.token)]
    assert place.worktrees == 2
    again = place.run(*GATE, "--json", "--budget-minutes", "0.5", CALM="1")
    assert again.code == 4, again.err
    found = {one["name"]: one for one in json.loads(again.out)["findings"]}
    assert (found["gradient_rows"]["verdict"], found["skill"]["verdict"]) == ("same", "same")
    assert (found["skill"]["change"], found["skill"]["pairs"]) == (1, 2)
    assert before.items() <= place.done.items()
    nothing_left(place)


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("number", "code", "group"),
    [(signal.SIGTERM, 143, False), pytest.param(signal.SIGINT, 130, True, marks=pytest.mark.slow)],
)
def test_told_to_end(place: GatePlace, number: signal.Signals, code: int, group: bool) -> None:
    """By a scheduler, which tells the gate, or by a terminal, which tells all that it has started."""
    process = at_work(place)
    if group:
        os.killpg(process.pid, number)
    else:
        process.send_signal(number)
    done = place.end(process)
    assert done.code == code, done.err
    assert done.err.splitlines()[-1] == ("terminated" if number == signal.SIGTERM else "interrupted")
    assert "Traceback" not in done.err
    nothing_left(place)


# --- trees that differ ------------------------------------------------------------------------------------------------


@pytest.mark.timeout(600)
@pytest.mark.parametrize("fault", [pytest.param("raise RuntimeError('no way')", marks=pytest.mark.slow), "os._exit(3)"])
def test_a_trial_that_ends_badly_in_head_alone(place: GatePlace, fault: str) -> None:
    place.write(mine_py=edited(fault))
    done = place.run(*GATE, "--json", "--budget-minutes", "1")
    assert done.code == 3, done.err
    judgement = json.loads(done.out)
    (found,) = [one for one in judgement["findings"] if one["verdict"] == "regressed"]
    assert (found["measure"], found["name"]) == ("outcome", "status")
    assert "ended well in base, in head it is" in found["why"]
    assert any("its steps cannot be counted" in note for note in judgement["notes"])
    assert "Traceback" not in done.err
    nothing_left(place)


@pytest.mark.timeout(600)
def test_a_suite_and_a_plugin_that_the_base_does_not_have(tmp_path: Path) -> None:
    place = GatePlace(start(tmp_path / "repository"))
    commit(place.folder, "nothing", {".gitignore": "results\n"})
    commit(place.folder, "all", {"here/mine.py": PLUGIN, "here/tiny.yaml": SUITE})
    options = ("gate", "--suite", "here/tiny.yaml", "--base", "HEAD~1", "--json")
    done = place.run(*options)
    assert done.code == 0, done.err
    judgement = json.loads(done.out)
    assert judgement["untouched"] == ["nce"]
    (note,) = judgement["notes"]
    assert note.startswith("mine is new: base has nothing to compare it with")
    assert "it lacks mine.py" in note
    nothing_left(place)
    (place.folder / "here" / "mine.py").unlink()
    refused(place.run(*options), "with changes: plugins.0: plugin mine.py: there is no such file")
    nothing_left(place)


@pytest.mark.timeout(600)
def test_a_method_that_is_gone(place: GatePlace) -> None:
    place.write(mine_py=PLUGIN.replace('MethodSpec("mine"', 'MethodSpec("ours"'))
    refused(place.run(*GATE), "with changes: methods.1: unknown method 'mine'")
    nothing_left(place)


@pytest.mark.timeout(600)
def test_a_base_that_cannot_be_installed(tmp_path: Path) -> None:
    project = '[project]\nname = "plugin"\nversion = "1"\ndependencies = ["nobody-has-made-this>={}"]\n'
    place = GatePlace.of(tmp_path / "repository", **{"pyproject.toml": project.format(1)})
    (place.folder / "pyproject.toml").write_text(project.format(2))
    done = place.run(*GATE, PIP_NO_INDEX="1")
    refused(
        done, f"error: HEAD ({git(place.folder, 'rev-parse', '--short=8', 'HEAD')}): its environment cannot be made"
    )
    nothing_left(place)


# --- too little time --------------------------------------------------------------------------------------------------


@pytest.mark.timeout(600)
def test_too_few_minutes(place: GatePlace) -> None:
    place.write(mine_py=edited("scale = 1.0"))
    done = place.run(*GATE, *SHORT)
    assert done.code == 4, done.err
    assert "mine: time undecided: no pair was measured" in done.out
    assert done.out.count("about 11 more pairs would decide it") == 2
    nothing_left(place)


@pytest.mark.timeout(600)
def test_a_dirty_tree_is_judged_as_it_stands(place: GatePlace) -> None:
    place.write(mine_py=TWICE)
    done = place.run(*GATE, *SHORT)
    assert done.code == 3, done.err
    assert "head is the working tree as it stands, with changes that are not committed" in done.out
    assert "mine: work regressed: energy_rows 2,816 -> 5,632" in done.out
    assert (place.folder / "mine.py").read_text() == TWICE
    nothing_left(place)


# --- bisect -----------------------------------------------------------------------------------------------------------


@pytest.mark.timeout(900)
def test_the_commit_from_which_it_is_more_work(tmp_path: Path) -> None:
    place = GatePlace.of(tmp_path / "repository")
    commit(place.folder, "words", {"mine.py": PLUGIN.replace("Costs as much", "Takes as much")})
    commit(place.folder, "two rounds", {"mine.py": TWICE})
    commit(place.folder, "broken", {"mine.py": f"{TWICE}broken("})
    commit(place.folder, "more words", {"mine.py": TWICE.replace("Costs as much", "Takes as much")})
    done = place.run("bisect", "--good", "HEAD~4", "--bad", "HEAD", "-k", "mine", "--suite", "tiny.yaml")
    assert done.code == 0, done.err
    first, *rest = done.out.splitlines()
    assert first.startswith(f"first bad commit: {git(place.folder, 'rev-parse', 'HEAD~2')[:8]} two rounds (20")
    assert "work regressed" in rest[0]
    assert rest[-1] == f"  git show {git(place.folder, 'rev-parse', 'HEAD~2')[:8]}"
    nothing_left(place)
    refused(
        place.run("bisect", "--good", "HEAD~1", "--bad", "HEAD", "-k", "mine", "--suite", "tiny.yaml"),
        "SyntaxError",
    )
    refused(
        place.run("bisect", "--good", "HEAD~4", "--bad", "HEAD~3", "-k", "mine", "--suite", "tiny.yaml"),
        "is not worse than HEAD~4",
    )
    nothing_left(place)
