"""Bad input: one clear message, exit code 2, no traceback, nothing on standard output. In real processes."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from ebmbench.cli import main

EBMBENCH = str(Path(sys.executable).with_name("ebmbench"))

SUITE = """\
name: tiny
datasets: [8gaussians]
data: {set: 200, validation: 200, test: 200}
methods: [nce]
budget: {steps: 5}
seeds: 1
"""
BROKEN_PLUGIN = "import no_such_module_here\n"


@dataclass(frozen=True)
class Case:
    """A command, what the message must say, and the suite that lies there."""

    args: str
    says: str
    suite: str | bytes = SUITE
    lines: int = field(default=1)
    """How many lines the message has: three when the line of the suite is shown with a caret."""


def changed(old: str, new: str) -> str:
    assert SUITE.count(old) == 1
    return SUITE.replace(old, new)


CASES = {
    # the suite file
    "missing file": Case("run nothing.yaml", "nothing.yaml: there is no such file"),
    "nearest shipped suite": Case("run smok", "no suite is called 'smok'; did you mean 'smoke'?"),
    "directory": Case("run folder", "folder: is a directory"),
    "empty file": Case("run tiny.yaml", "tiny.yaml: the file is empty", suite=""),
    "only a comment": Case("run tiny.yaml", "tiny.yaml: the file is empty", suite="# nothing\n"),
    "binary file": Case("run tiny.yaml", "tiny.yaml: not a text file", suite=b"\x00\xff\xfe\x80" * 100),
    "not yaml": Case("run tiny.yaml", "tiny.yaml:3:1: expected ',' or ']'", suite="name: tiny\nmethods: [nce\n"),
    "a list": Case("run tiny.yaml", "tiny.yaml: expected a mapping", suite="- a\n- b\n"),
    "duplicate key": Case("run tiny.yaml", "tiny.yaml:7:1: ", suite=SUITE + "seeds: 2\n", lines=3),
    "wrong type": Case("run tiny.yaml", "tiny.yaml:6:8: seeds: ", suite=changed("seeds: 1", "seeds: many"), lines=3),
    "wrong type of a part": Case("run tiny.yaml", "tiny.yaml:5:9: budget: ", suite=changed("{steps: 5}", "5"), lines=3),
    "missing key": Case("run tiny.yaml", "'budget' is missing", suite=changed("budget: {steps: 5}\n", ""), lines=3),
    "unknown key": Case(
        "run tiny.yaml",
        "tiny.yaml:7:1: unknown key 'timeuot'; did you mean 'timeout'?",
        suite=SUITE + "timeuot: 5\n",
        lines=3,
    ),
    "misspelled needed key": Case(
        "run tiny.yaml",
        "unknown key 'budgets'; did you mean 'budget'?",
        suite=changed("budget", "budgets"),
        lines=3,
    ),
    "unknown method": Case(
        "run tiny.yaml",
        "tiny.yaml:4:11: unknown method 'nec'; did you mean 'nce'?",
        suite=changed("[nce]", "[nec]"),
        lines=3,
    ),
    "negative budget": Case("run tiny.yaml", "tiny.yaml:5:17: budget.steps: ", suite=changed("5", "-5"), lines=3),
    "two budgets": Case(
        "run tiny.yaml", "budget: a budget names either passes or steps", suite=changed("5}", "5, passes: 5}"), lines=3
    ),
    "no methods": Case("run tiny.yaml", "tiny.yaml:4:10: methods: ", suite=changed("[nce]", "[]"), lines=3),
    "name with a path": Case(
        "run tiny.yaml", "tiny.yaml:1:7: name: a name has letters", suite=changed("tiny", "../../tiny"), lines=3
    ),
    "label with a path": Case(
        "run tiny.yaml",
        "no path",
        suite=changed("[nce]", "[{name: nce, label: a/b}]"),
        lines=3,
    ),
    "name with a terminal code": Case(
        "run tiny.yaml", "name: a name has letters", suite=changed("name: tiny", 'name: "a\\e[31m"'), lines=3
    ),
    "suite given by a path that climbs": Case("run ../../../none", "../../../none: there is no such file"),
    "bad timeout in the suite": Case(
        "run tiny.yaml",
        "tiny.yaml:7:10: timeout: expected a positive duration",
        suite=SUITE + "timeout: soon\n",
        lines=3,
    ),
    "bad device": Case("run tiny.yaml", "tiny.yaml:7:", suite=SUITE + "devices: [gpu]\n", lines=3),
    "a python object": Case(
        "run tiny.yaml", "tiny.yaml", suite=SUITE + "timeout: !!python/object:os.system {}\n", lines=3
    ),
    # plugins
    "missing plugin": Case("run tiny.yaml -p none.py", "plugin none.py: there is no such file"),
    "missing plugin of the suite": Case(
        "run tiny.yaml",
        "tiny.yaml:7:11: plugin ./none.py: there is no such file",
        suite=SUITE + "plugins: [./none.py]\n",
        lines=3,
    ),
    "plugin that does not import": Case(
        "run tiny.yaml -p broken.py", "plugin broken.py: ModuleNotFoundError: No module named 'no_such_module_here'"
    ),
    "plugin that does not import before the verb": Case(
        "-p broken.py run tiny.yaml", "plugin broken.py: ModuleNotFoundError: No module named 'no_such_module_here'"
    ),
    "plugin of the suite that does not import": Case(
        "run tiny.yaml", "broken.py: ModuleNotFoundError: No module named", suite=SUITE + "plugins: [./broken.py]\n"
    ),
    "a folder as plugin": Case("run tiny.yaml -p folder", "plugin folder: there is no such file"),
    # the results folder
    "results is a file": Case("run tiny.yaml --results file", "file' is a file"),
    "results below a file": Case("run tiny.yaml --results file/below", "results folder file/below: cannot be written"),
    "nothing was run": Case("report tiny", "no run of 'tiny' in results; make one with: ebmbench run tiny"),
    # the command line
    "unknown verb": Case("rum tiny.yaml", "no command 'rum'; did you mean 'run'?"),
    "unknown option": Case("run tiny.yaml --sed 3", "No such option '--sed'"),
    "unknown option of the group": Case("--fast run tiny.yaml", "No such option '--fast'"),
    "no suite": Case("run", "Missing argument 'SUITE'"),
    "two suites": Case("run tiny.yaml smoke", "unexpected extra argument"),
    "bad -k": Case("run tiny.yaml -k|nce and", "-k 'nce and': not an expression at its end"),
    "-k that matches nothing": Case("run tiny.yaml -k pcd", "-k 'pcd': no trial has such a name"),
    "--set without a value": Case("run tiny.yaml --set budget.steps", "--set budget.steps: expected KEY=VALUE"),
    "--set of what is not there": Case(
        "run tiny.yaml --set methods.pcd.lr=1", "--set methods.pcd.lr=1: no entry 'pcd'"
    ),
    "--set below a value": Case(
        "run tiny.yaml --set name.first=1", "--set name.first=1: a single value has no 'first' inside"
    ),
    "--set to a wrong type": Case("run tiny.yaml --set budget.steps=many", "--set budget.steps=many: budget.steps: "),
    "--set to what is not yaml": Case("run tiny.yaml --set seeds=[1", "--set seeds=[1: the value is not valid YAML"),
    "--set of an unknown key": Case(
        "run tiny.yaml --set timeuot=5", "--set timeuot=5: unknown key 'timeuot'; did you mean 'timeout'?"
    ),
    "--seeds 0": Case("run tiny.yaml --seeds 0", "--seeds 0: expected a positive number"),
    "--seeds many": Case("run tiny.yaml --seeds many", "'many' is not a valid integer"),
    "--workers 0": Case("run tiny.yaml --workers 0", "--workers 0: expected a positive number"),
    "--timeout soon": Case("run tiny.yaml --timeout soon", "expected a positive duration such as 90s"),
    "--timeout -5": Case("run tiny.yaml --timeout -5", "expected a positive duration such as 90s"),
    "list of something else": Case("list stuff", "'stuff' is not one of"),
    "info of nothing": Case("info nec", "nothing is called 'nec'; did you mean 'nce'?"),
    "report in an unknown format": Case(
        "report tiny --format xlsx", "no format 'xlsx'; known: budget, csv, dimension, errors, forest, "
    ),
    "report in a misspelled format": Case("report tiny --format csb", "no format 'csb'; did you mean 'csv'?"),
    "unknown executor": Case("run tiny.yaml --executor cloud", "'cloud' is not one of 'local', 'inline'"),
    "bad memory": Case("run tiny.yaml", "tiny.yaml:7:9: memory: ", suite=SUITE + "memory: much\n", lines=3),
    "a truth for memory": Case("run tiny.yaml", "tiny.yaml:7:9: memory: ", suite=SUITE + "memory: true\n", lines=3),
    "ui of nothing": Case("ui", "mlflow.db: there is no such file"),
    "json changes nothing": Case("run nothing.yaml --json", "nothing.yaml: there is no such file"),
    "plan of nothing": Case("plan nothing.yaml", "nothing.yaml: there is no such file"),
}


IN_PROCESSES = (
    "missing file",
    "unknown method",
    "plugin that does not import",
    "results below a file",
    "unknown option",
)
"""Each of these costs the start of a process, and is of another sort; all of them are tried in this one."""

Answers = dict[str, "Future[subprocess.CompletedProcess[str]]"]


def prepare(case: Case, folder: Path) -> list[str]:
    """Lay out what a case needs; its arguments."""
    folder.mkdir(exist_ok=True)
    (folder / "folder").mkdir()
    (folder / "file").write_text("")
    (folder / "broken.py").write_text(BROKEN_PLUGIN)
    (folder / "tiny.yaml").write_bytes(case.suite.encode() if isinstance(case.suite, str) else case.suite)
    plain, *spaced = case.args.split("|")
    return [*plain.split(), *spaced]


def ask(case: Case, folder: Path) -> subprocess.CompletedProcess[str]:
    args = prepare(case, folder)
    environ = os.environ | {"COLUMNS": "100"}
    return subprocess.run([EBMBENCH, *args], cwd=folder, capture_output=True, text=True, env=environ)


def check(case: Case, code: object, out: str, err: str) -> None:
    assert code == 2, err
    assert out == ""
    assert "Traceback" not in err
    assert "\x1b" not in err
    assert err.startswith("error: ")
    assert case.says in err
    assert len(err.splitlines()) == case.lines, err


@pytest.mark.long
@pytest.mark.parametrize("name", CASES)
def test_it_is_one_clear_message(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    args = prepare(CASES[name], tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["ebmbench", *args])
    with pytest.raises(SystemExit) as end:
        main()
    check(CASES[name], end.value.code, *capsys.readouterr())


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Answers]:
    """The commands of ``IN_PROCESSES``, two at a time."""
    root = tmp_path_factory.mktemp("bad")
    with ThreadPoolExecutor(2) as pool:
        yield {name: pool.submit(ask, CASES[name], root / str(k)) for k, name in enumerate(IN_PROCESSES)}


@pytest.mark.process
@pytest.mark.parametrize("name", IN_PROCESSES)
def test_so_it_is_in_a_process(answers: Answers, name: str) -> None:
    done = answers[name].result()
    check(CASES[name], done.returncode, done.stdout, done.stderr)


@pytest.mark.process
@pytest.mark.skipif(os.getuid() == 0, reason="nothing is read-only to root")
def test_read_only_results(tmp_path: Path) -> None:
    (tmp_path / "results").mkdir(mode=0o500)
    case = Case("run tiny.yaml", "")
    (tmp_path / "tiny.yaml").write_text(SUITE)
    done = subprocess.run([EBMBENCH, *case.args.split()], cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: results folder results: cannot be written to")


def test_bad_input_leaves_no_results(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A suite that is refused has written nothing."""
    args = prepare(CASES["unknown method"], tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["ebmbench", *args])
    with pytest.raises(SystemExit):
        main()
    assert [path for path in (tmp_path / "results").rglob("*") if path.is_file()] == []
