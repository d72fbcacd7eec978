"""The scripts of the action that keep a history on a branch, with a stand-in for ebmbench and a place to push to."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.stages import SCRIPTS, Stage

pytestmark = pytest.mark.process

KEPT = "history"
ADD = """
while [ $# -gt 0 ]; do
  case $1 in --file) file=$2 ;; results/*) line=$1 ;; esac
  shift
done
grep -qxF "$line" "$file" 2> /dev/null || echo "$line" >> "$file"
"""
"""``history add`` in short: a line that names the run, unless it stands there already."""


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    """A checkout of a repository beside it."""
    stage = Stage(tmp_path)
    (tmp_path / "origin").mkdir()
    stage.git("init", "-q", "--bare", folder="origin")
    stage.git("init", "-q", "-b", "main")
    stage.git("remote", "add", "origin", str(tmp_path / "origin"))
    stage.stand_in("sleep", "")
    return stage


def kept(stage: Stage, run: str, script: str = SCRIPTS["history"]) -> int:
    """The step's exit code."""
    return stage.run(script, BRANCH=KEPT, FOLDER=f"results/{run}", TOKEN="secret").returncode


def lines(stage: Stage) -> list[str]:
    """What stands in the history."""
    return stage.git("show", f"{KEPT}:history.jsonl", folder="origin").splitlines()


def test_a_branch_is_begun_and_added_to(stage: Stage) -> None:
    stage.stand_in("ebmbench", ADD)
    assert kept(stage, "1") == kept(stage, "2") == kept(stage, "2") == 0
    assert lines(stage) == ["results/1", "results/2"]
    assert stage.git("log", "--format=%s", KEPT, folder="origin") == "History: 4c8a8b9\nHistory: 4c8a8b9"
    assert stage.git("show", f"{KEPT}:.gitattributes", folder="origin") == "history.jsonl merge=union"
    assert stage.git("status", "--porcelain", "--ignored") == ""


@pytest.mark.parametrize("begun", [True, False])
@pytest.mark.parametrize(("right", "wrong", "whole"), [("", "", True), ("push --quiet", "push --quiet --force", False)])
def test_who_was_faster_loses_nothing(stage: Stage, begun: bool, right: str, wrong: str, whole: bool) -> None:
    stage.stand_in("ebmbench", ADD)
    assert not begun or kept(stage, "1") == 0
    (stage.root / "rival.sh").write_text(SCRIPTS["history"])
    rival = f"FOLDER=results/rival EBMBENCH={stage.root}/bin/slow bash -e {stage.root}/rival.sh"
    stage.stand_in("slow", ADD)
    stage.stand_in("ebmbench", f"[ -e ../once ] || {{ touch ../once; {rival}; }}\n{ADD}")
    assert kept(stage, "2", SCRIPTS["history"].replace(right, wrong)) == 0
    wanted = [*["results/1"] * begun, "results/rival", "results/2"]
    assert (lines(stage) == wanted) is whole


def test_who_may_not_push_is_told_after_a_few_tries(stage: Stage) -> None:
    stage.stand_in("ebmbench", ADD)
    hook = stage.root / "origin" / "hooks" / "pre-receive"
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    assert kept(stage, "1") == 1
    assert stage.calls("sleep") == ["1", "2", "4", "8", "16"]
    assert stage.git("branch", folder="origin") == ""


def test_an_origin_that_does_not_answer_is_no_new_branch(stage: Stage) -> None:
    stage.stand_in("ebmbench", ADD)
    (stage.root / "origin").rename(stage.root / "elsewhere")
    assert kept(stage, "1") > 2
    assert not (stage.root / "ebmbench.calls").exists()


def test_a_history_that_ebmbench_refuses_is_not_pushed(stage: Stage) -> None:
    stage.stand_in("ebmbench", "exit 2")
    assert kept(stage, "1") == 2
    assert stage.git("branch", folder="origin") == ""


@pytest.mark.parametrize(("code", "ends", "folder"), [(0, 0, "results/7"), (1, 0, "results/7"), (2, 2, None)])
def test_a_run_with_failed_trials_has_a_history_too(stage: Stage, code: int, ends: int, folder: str | None) -> None:
    stage.stand_in("ebmbench", f"""echo '{{"folder": "results/7"}}'; exit {code}""")
    done = stage.run(SCRIPTS["run"], SUITE="my suite", PLUGIN="", RESULTS="results")
    assert (done.returncode, stage.outputs.get("folder")) == (ends, folder)
    assert stage.calls("ebmbench") == ["run", "my suite", "--results", "results", "--fresh", "--json"]
