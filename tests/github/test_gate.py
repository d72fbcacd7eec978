"""The scripts of the action that gate and comment, with a stand-in for ebmbench."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.stages import SCRIPTS, Stage

pytestmark = pytest.mark.process

HOSTILE = """a b; touch pwned # $(touch pwned) `touch pwned` "' * \\ -x"""
ASKED = {"BASE": "main", "SUITE": "mine.yaml", "KEYWORD": "", "MINUTES": "10", "PLUGIN": "", "RESULTS": "results"}


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


def gated(stage: Stage, script: str, code: int, verdict: str, **env: str) -> subprocess.CompletedProcess[str]:
    """The gate's step, where ebmbench comes to a verdict."""
    said = json.dumps({"verdict": verdict}) if code in (0, 3, 4) else ""
    stage.stand_in("ebmbench", f"printf '%s' '{said}'; exit {code}")
    return stage.run(script, **{**ASKED, **env})


@pytest.mark.parametrize(
    ("code", "verdict"), [(0, "same"), (0, "better"), (3, "regressed"), (4, "undecided"), (2, "none"), (143, "none")]
)
def test_the_gate_puts_out_its_verdict_and_exit_code(stage: Stage, code: int, verdict: str) -> None:
    done = gated(stage, SCRIPTS["gate"], code, verdict)
    assert done.returncode == 0, done.stderr  # the last step fails, after trials were kept and a comment was written
    assert (stage.outputs["verdict"], stage.outputs["exit-code"]) == (verdict, str(code))
    assert Path(stage.outputs["files"]).is_relative_to(stage.root / "temp")
    if verdict == "none":
        said = (stage.root / "summary").read_text()
        assert said == (Path(stage.outputs["files"]) / "gate.md").read_text()
        assert said.startswith("<!-- ebmbench gate -->\n\n## Gate: not judged\n")
        assert f"Exit code {code}: [the log says why](https://example.org/somebody/plugin/actions/runs/7)." in said


@pytest.mark.parametrize("drawn", [True, False])
def test_the_page_is_that_of_this_gate(stage: Stage, drawn: bool) -> None:
    page = stage.root / "checkout" / "results" / "gate" / "report.html"
    page.parent.mkdir(parents=True)
    page.write_text("old")
    stage.stand_in("ebmbench", f"""{"echo new > results/gate/report.html; " * drawn}echo '{{"verdict": "same"}}'""")
    assert stage.run(SCRIPTS["gate"], **ASKED).returncode == 0
    copy = Path(stage.outputs["files"]) / "report.html"
    assert (copy.read_text() == "new\n") if drawn else not copy.exists()


@pytest.mark.parametrize(
    ("code", "strict", "ends", "says"),
    [
        ("0", "false", 0, ""),
        ("3", "false", 3, "::error "),
        ("4", "false", 0, "::warning "),
        ("4", "true", 4, "::error "),
        ("2", "false", 2, "::error "),
    ],
)
def test_the_action_ends_as_the_gate_does(stage: Stage, code: str, strict: str, ends: int, says: str) -> None:
    done = stage.run(SCRIPTS["verdict"], CODE=code, STRICT=strict)
    assert done.returncode == ends
    assert done.stdout.startswith(says)
    assert bool(done.stdout) == bool(says)


def is_faithful(stage: Stage, script: str) -> bool:
    """Whether every word reaches ebmbench as it is, nothing else is run, and its exit code comes out."""
    hostile = {name: f"{name} {HOSTILE}" for name in ("BASE", "SUITE", "KEYWORD", "PLUGIN", "RESULTS")}
    done = gated(stage, script, 3, "regressed", **hostile)
    if done.returncode or stage.outputs["exit-code"] != "3" or list((stage.root / "checkout").iterdir()):
        return False
    words = stage.calls("ebmbench")
    options = dict(zip(words[1::2], words[2::2], strict=False))
    wanted = {"--base": "BASE", "--suite": "SUITE", "-k": "KEYWORD", "-p": "PLUGIN", "--results": "RESULTS"}
    return all(options.get(option) == hostile[name] for option, name in wanted.items())


def test_no_word_is_split_or_run_and_no_exit_code_is_lost(stage: Stage) -> None:
    assert is_faithful(stage, SCRIPTS["gate"])


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ('-k "$KEYWORD"', "-k $KEYWORD"),
        ('"${asked[@]}"', "${asked[*]}"),
        ('"$EBMBENCH" gate "${asked[@]}"', 'eval "$EBMBENCH" gate "${asked[@]}"'),
        ("|| code=$?", "|| true"),
        ("|| code=$?", "| cat || code=$?; code=0"),
        ("|| code=$?", ""),
    ],
)
def test_a_script_that_splits_runs_or_swallows_is_found(stage: Stage, right: str, wrong: str) -> None:
    assert SCRIPTS["gate"].count(right) == 1
    assert not is_faithful(stage, SCRIPTS["gate"].replace(right, wrong))


def test_the_base_is_what_the_pull_request_is_merged_into(stage: Stage) -> None:
    pulled, old, new = history_of_a_pull_request(stage)
    event = {"BASE": "", "PULL_BASE": old, "PULL_HEAD": pulled}
    gated(stage, SCRIPTS["gate"], 0, "same", **event)
    stage.git("checkout", "-q", pulled)
    gated(stage, SCRIPTS["gate"], 0, "same", **{**event, "PULL_BASE": new})
    gated(stage, SCRIPTS["gate"], 0, "same", **{**event, "BASE": "v1"})
    words = stage.calls("ebmbench")
    assert [words[k + 1] for k, word in enumerate(words) if word == "--base"] == [new, old, "v1"]


def test_without_a_base_nothing_is_gated(stage: Stage) -> None:
    done = gated(stage, SCRIPTS["gate"], 0, "same", BASE="")
    assert (done.returncode, done.stdout[:8]) == (2, "::error ")
    pulled, old, _ = history_of_a_pull_request(stage)
    stage.git("clone", "-q", "--depth", "1", f"file://{stage.root / 'checkout'}", str(stage.root / "shallow"))
    (stage.root / "checkout").rename(stage.root / "full")
    (stage.root / "shallow").rename(stage.root / "checkout")
    done = gated(stage, SCRIPTS["gate"], 0, "same", BASE="", PULL_BASE=old, PULL_HEAD=pulled)
    assert (done.returncode, "fetch-depth: 0" in done.stdout) == (2, True)
    assert not (stage.root / "ebmbench.calls").exists()


def history_of_a_pull_request(stage: Stage) -> tuple[str, str, str]:
    """A checkout of a pull request merged into main: its own last commit, the main that it left, main as it is now."""
    stage.git("init", "-q", "-b", "main")
    stage.git("commit", "-q", "--allow-empty", "-m", "old")
    stage.git("checkout", "-q", "-b", "pulled")
    stage.git("commit", "-q", "--allow-empty", "-m", "pulled")
    stage.git("checkout", "-q", "main")
    stage.git("commit", "-q", "--allow-empty", "-m", "new")
    names = [stage.git("rev-parse", name) for name in ("pulled", "main^", "main")]
    stage.git("merge", "-q", "--no-ff", "-m", "merged", "pulled")
    return names[0], names[1], names[2]


@pytest.mark.parametrize(
    ("listed", "method", "place"),
    [
        ("echo 11; echo 12", "PATCH", "repos/somebody/plugin/issues/comments/12"),
        ("", "POST", "repos/somebody/plugin/issues/5/comments"),
    ],
)
def test_a_comment_is_written_once_and_then_replaced(stage: Stage, listed: str, method: str, place: str) -> None:
    stage.stand_in("gh", f'case "$*" in *--paginate*) {listed or ":"} ;; esac')
    done = stage.run(SCRIPTS["comment"], NUMBER="5", FILES="/files")
    assert (done.returncode, done.stdout) == (0, "")
    words = stage.calls("gh")
    assert words[-5:] == ["--method", method, place, "-F", "body=@/files/gate.md"]
    asked = words[words.index("--jq") + 1]
    assert "github-actions[bot]" in asked
    assert "<!-- ebmbench gate -->" in asked


@pytest.mark.parametrize("fails", ["exit 1", 'case "$*" in *--paginate*) ;; *) exit 1 ;; esac'])
def test_who_may_not_comment_is_warned_and_goes_on(stage: Stage, fails: str) -> None:
    stage.stand_in("gh", fails)
    done = stage.run(SCRIPTS["comment"], NUMBER="5", FILES="/files")
    assert (done.returncode, done.stdout[:10]) == (0, "::warning ")


def test_ebmbench_is_looked_for_beside_the_interpreter(stage: Stage) -> None:
    done = stage.run(SCRIPTS["place"], PYTHON="python")
    assert (done.returncode, done.stdout[:8]) == (2, "::error ")
    stage.stand_in("python", "")
    stage.stand_in("ebmbench", "")
    for name in ("python", "../bin/python"):
        done = stage.run(SCRIPTS["place"], PYTHON=name)
        assert (done.returncode, stage.outputs["ebmbench"]) == (0, str(stage.root / "bin" / "ebmbench"))
    assert stage.outputs["processor"].isdigit()
