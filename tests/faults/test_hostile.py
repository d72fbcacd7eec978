"""Hostile suites, plugins and results: one sentence, nothing run, nothing shown as more than it is."""

from __future__ import annotations

import ast
import csv
import io
import json
import os
import pickle
import re
import socket
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from rich.console import Console

from ebmbench.catalog.loading import load_catalog
from ebmbench.cli import main, ui_verb
from ebmbench.contracts.records import Status
from ebmbench.errors import UsageError
from ebmbench.metrics.tracks import PLANE
from ebmbench.report.figures.canvas import save
from ebmbench.report.figures.portraits import draw_trial
from ebmbench.report.figures.surfaces import surfaces
from ebmbench.report.markdown import every_metric, leaderboard
from ebmbench.report.report import Report
from ebmbench.report.spreadsheet import leaderboard as spreadsheet
from ebmbench.report.terminal import leaderboard as terminal
from ebmbench.report.text import escaped
from ebmbench.store.files import digest
from ebmbench.store.folders import MILESTONES, Store, TrialFolder
from ebmbench.store.records import TrialView, Value
from ebmbench.store.runs import RunResult, TrialResult
from ebmbench.suite.loading import read_suite
from ebmbench.training.milestones import Milestones
from ebmbench.training.models import load_model
from ebmbench.training.worker import TrialWork
from tests.factories import make_attempt, make_cell, make_report, make_run, make_trial, make_values, make_view
from tests.planned import Bomb, planned_trial

SUITE = """\
name: tiny
datasets: [8gaussians]
data: {set: 200, validation: 200, test: 200}
methods: [nce]
budget: {steps: 5}
seeds: 1
"""
ROOT = Path(__file__).resolve().parents[2]
NASTY = (
    "<script>alert(1)</script> | [x](javascript:y) \x1b]0;t\x07 \\write18{ls} $\\input{a}$ \u202egnp\n# ../../etc &lt;"
)


def said(args: list[str], folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> str:
    """The one message of a command that is refused: code 2, nothing on standard output, at most three lines."""
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "argv", ["ebmbench", *args])
    started = time.process_time()
    with pytest.raises(SystemExit) as end:
        main()
    out, err = capsys.readouterr()
    assert (end.value.code, out) == (2, ""), err
    assert time.process_time() - started < 20
    assert "Traceback" not in err
    assert len(err) < 700
    assert len(err.splitlines()) in (1, 3)
    assert all(part.isprintable() for part in err.splitlines())
    return err.removeprefix("error: ")


Say = Callable[..., str]


@pytest.fixture
def say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Say:
    return lambda *args: said(list(args), tmp_path, monkeypatch, capsys)


# --- suites -----------------------------------------------------------------------------------------------------------


def named(name: str) -> str:
    return SUITE.replace("tiny", name)


def method(entry: str) -> str:
    return SUITE.replace("[nce]", f"[{entry}]")


NO_NAME = "a name has letters, digits, '_', '-' and '.', at most 80, and no path"
KEYS = ", ".join(f"k{k}: [{', '.join('0123456789')}]" for k in range(12))
BOMB = ["a0: &a0 [" + ", ".join(["x"] * 9) + "]"]
BOMB += [f"a{k}: &a{k} [" + ", ".join([f"*a{k - 1}"] * 9) + "]" for k in range(1, 9)]

SUITES: dict[str, tuple[str | bytes, str]] = {
    "ten thousand levels": ("a: " + "[" * 10_000 + "]" * 10_000, "s.yaml: is nested too deeply"),
    "ten thousand levels of blocks": ("- " * 10_000 + "x", "s.yaml: is nested too deeply"),
    "forty levels": (SUITE + "plugins: " + "[" * 40 + "]" * 40, "s.yaml:7:10: is nested too deeply, or holds itself"),
    "alias bomb": (SUITE + "\n".join(BOMB), "stands for more than 100000 values"),
    "a value that holds itself": (SUITE + "plugins: &a [*a]", "s.yaml:7:10: plugins.0: input should be a valid string"),
    "a megabyte in one value": (SUITE + "plugins: [" + "x" * 1_000_000 + "]", "s.yaml: larger than 100000 bytes"),
    "a long value": (method("x" * 90_000), "s.yaml:4:11: unknown method 'xxx"),
    "NUL": (named("ti\0ny"), "s.yaml: not a YAML file: unacceptable character #x0000"),
    "an escaped NUL": (named('"ti\\0ny"'), f"s.yaml:1:7: name: {NO_NAME}"),
    "zero bytes": (b"", "s.yaml: the file is empty"),
    "UTF-16": (SUITE.encode("utf-16"), "s.yaml: not a text file in UTF-8"),
    "UTF-16 without a mark": (SUITE.encode("utf-16-le"), "s.yaml: not a YAML file: unacceptable character #x0000"),
    "half a character": (method('{name: nce, x: "\\ud800"}'), "s.yaml:4:26: a text holds half a character"),
    "right to left": (named('"\u202eyaml.evil"'), f"s.yaml:1:7: name: {NO_NAME}"),
    "a homoglyph": (method("nсe"), "s.yaml:4:11: unknown method 'nсe'; did you mean 'nce'?"),
    "a path as name": (named("../../etc"), f"s.yaml:1:7: name: {NO_NAME}"),
    "HTML as label": (method('{name: nce, label: "<script>"}'), f"methods.0.label: {NO_NAME}"),
    "LaTeX as label": (method("{name: nce, label: '\\input{x}'}"), f"methods.0.label: {NO_NAME}"),
    "parent folder as label": (method("{name: nce, label: ..}"), f"methods.0.label: {NO_NAME}"),
    "a terminal code as label": (method('{name: nce, label: "a\\e]0;x\\a"}'), f"methods.0.label: {NO_NAME}"),
    "a date": (named("2020-01-01"), "s.yaml:1:7: a value of the type date means nothing in a suite"),
    "a set": (method("!!set {nce}"), "s.yaml:4:11: a value of the type set means nothing in a suite"),
    "a tag of Python": (named("!!python/object:os.x tiny"), "s.yaml:1:7: a tag (tag:yaml.org,2002:python/object:os.x)"),
    "bytes": (named("!!binary aGk="), "s.yaml:1:7: a value of the type bytes means nothing in a suite"),
    "a tag that its value does not fit": (named('!!int ""'), "s.yaml: not a YAML file: a value does not fit its tag"),
    "merged into itself": (
        SUITE + "net: &a {<<: *a}",
        "s.yaml: not a YAML file: a value does not fit its tag or anchor",
    ),
    "infinity": (method("{name: nce, lr: .inf}"), "s.yaml:4:27: a number in a suite is finite"),
    "twenty thousand digits": (
        method("{name: nce, lr: 0x" + "f" * 20_000 + "}"),
        "a whole number in a suite has at most",
    ),
    "a key that is a list": (SUITE + "? [a]\n: b", "s.yaml:1:1: a key is not a name; put it in quotes"),
    "a billion seeds": (SUITE.replace("seeds: 1", "seeds: 1e9"), "s.yaml:6:8: seeds: expected how many, or a list"),
    "as many as a number": (SUITE.replace("seeds: 1", "seeds: 1_000_000_000"), "seeds: expected at most 10000 seeds"),
    "a grid of a million million": (method(f"{{name: nce, grid: {{{KEYS}}}}}"), "the grid has more than 10000 points"),
    "plugin is a folder": (SUITE + "plugins: [folder]", "s.yaml:7:11: plugin folder: there is no such file"),
    "plugin has no possible name": (SUITE + "plugins: [" + "x" * 5000 + "]", "s.yaml:7:11: plugin xxx"),
    "plugin is a pipe": (SUITE + "plugins: [pipe]", "s.yaml:7:11: plugin pipe: there is no such file"),
    "data are a pipe": (SUITE.replace("8gaussians", "{file: pipe.csv}"), "pipe.csv: is a device or a pipe"),
}


@pytest.mark.long
@pytest.mark.parametrize("name", SUITES)
def test_a_hostile_suite_is_one_sentence(name: str, tmp_path: Path, say: Say) -> None:
    content, says = SUITES[name]
    (tmp_path / "s.yaml").write_bytes(content.encode() if isinstance(content, str) else content)
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    os.mkfifo(tmp_path / "pipe.csv")
    assert says in say("plan", "s.yaml").replace("'s.yaml", "s.yaml")


@pytest.mark.parametrize("label", ["CON", "nul.txt", "aux"])
def test_device_names_are_names(label: str, tmp_path: Path) -> None:
    """No folder is called after a label: it may be what another system reserves."""
    (tmp_path / "s.yaml").write_bytes(b"\xef\xbb\xbf" + method(f"{{name: nce, label: {label}}}").encode())
    assert read_suite(str(tmp_path / "s.yaml"))[0].methods[0].row == label


def test_what_is_no_file_is_not_opened(tmp_path: Path, say: Say) -> None:
    os.mkfifo(tmp_path / "pipe.yaml")
    (tmp_path / "loop.yaml").symlink_to("loop.yaml")
    for path in ("pipe.yaml", "/dev/zero", "loop.yaml"):
        assert say("plan", path) == f"{path}: is a device, a pipe or a broken link; expected a suite file\n"
    assert say("plan", str(tmp_path)).endswith(": is a directory; expected a suite file such as suites/toy2d.yaml\n")


@pytest.mark.parametrize(
    ("override", "says"),
    [
        ("methods." + "9" * 5000 + ".lr=1", "999'; known: nce"),
        (".".join("a" * 5000) + "=1", "is nested too deeply"),
        ("name=" + "[" * 9000, "the value is not valid YAML"),
        ("x\x1b]0;t\x07\ny=1", "unknown key"),
    ],
)
def test_a_hostile_setting_is_one_line(override: str, says: str, tmp_path: Path, say: Say) -> None:
    (tmp_path / "s.yaml").write_text(SUITE)
    assert says in say("plan", "s.yaml", "--set", override)


# --- plugins ----------------------------------------------------------------------------------------------------------

HEAD = "from ebmbench.api import EnergyKind, Method, MethodSpec, Strategy, hookimpl\n"
RECORD = "@hookimpl\ndef ebmbench_methods():\n    yield MethodSpec(*{}, Strategy.{}, EnergyKind.DENSITY, {})\n"
MINE = "class Mine(Method):\n    pass\n"

PLUGINS: dict[str, tuple[str | bytes, str]] = {
    "binary": (bytes(range(256)), "SyntaxError"),
    "leaves": ("import sys\nsys.exit(0)", "SystemExit: 0"),
    "raises what is no Exception": ("class E(BaseException): pass\nraise E('x')", "E: x"),
    "cannot say what is wrong": (
        "class E(Exception):\n    def __str__(self): raise ValueError\nraise E",
        "E: its message cannot be shown",
    ),
    "a name of markup": (HEAD + MINE + RECORD.format(("<b>", "m:M"), "C1", "'s'"), f"'<b>': {NO_NAME}"),
    "a name that is a path": (HEAD + MINE + RECORD.format(("../x", "m:M"), "C1", "'s'"), f"'../x': {NO_NAME}"),
    "a name with a new line": (HEAD + MINE + RECORD.format(("a\n", "m:M"), "C1", "'s'"), NO_NAME),
    "a formula": (HEAD + MINE + RECORD.format(("=1+1", "m:M"), "C1", "'s'"), f"'=1+1': {NO_NAME}"),
    "a name that is a number": (HEAD + MINE + RECORD.format((5, "m:M"), "C1", "'s'"), "'5': name: "),
    "a strategy that is none": (
        HEAD + MINE + RECORD.format(("m", "m:M"), "C1", "'s'").replace("Strategy.C1", "'C9'"),
        "'m': strategy: ",
    ),
    "no summary": (HEAD + MINE + RECORD.format(("m", "m:M"), "C1", "None"), "'m': summary: "),
    "a target that is no class": (HEAD + MINE + RECORD.format(("m", 7), "C1", "'s'"), "'m': target: "),
}


@pytest.mark.long
@pytest.mark.parametrize("name", PLUGINS)
def test_a_hostile_plugin_is_one_line(name: str, tmp_path: Path, say: Say) -> None:
    content, says = PLUGINS[name]
    (tmp_path / "bad.py").write_bytes(content.encode() if isinstance(content, str) else content)
    (tmp_path / "s.yaml").write_text(SUITE + "plugins: [bad.py]\n")
    assert say("plan", "s.yaml").startswith("plugin bad.py: ")
    (broken,) = load_catalog([tmp_path / "bad.py"]).broken
    assert says in broken.error


def test_what_a_plugin_prints_is_not_the_document(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "loud.py").write_text(
        "print('GARBAGE')\n" + HEAD + MINE + RECORD.format(("m", "m:M"), "C1", repr(NASTY))
    )
    monkeypatch.setattr(sys, "argv", ["ebmbench", "list", "--json", "-p", str(tmp_path / "loud.py")])
    with pytest.raises(SystemExit):
        main()
    out, err = capsys.readouterr()
    assert next(record for record in json.loads(out) if record["name"] == "m")["summary"] == NASTY
    assert "GARBAGE" in err
    monkeypatch.setattr(sys, "argv", ["ebmbench", "list", "-p", str(tmp_path / "loud.py")])
    with pytest.raises(SystemExit):
        main()
    out, _ = capsys.readouterr()
    assert "<script>alert(1)</script>" in out.replace("\n", "")
    assert not set("\x1b\x07\u202e") & set(out)


# --- products ---------------------------------------------------------------------------------------------------------


def hostile_report() -> Report:
    """A run of which every text is hostile: from a results folder that a stranger has written."""
    facts: dict[str, Any] = {"dataset": NASTY, "grid_point": NASTY}
    numbers = {"skill": 0.5, "kl": 1.0, "nll_validation": 2.0}
    good = make_trial(make_view(NASTY, **facts), [*make_values(numbers), Value("tv", note=NASTY)])
    attempt = make_attempt(Status.FAILED, error_type="E", message=NASTY)
    bad = make_trial(make_view(NASTY, seed=1, **facts), status=Status.FAILED, attempts=[attempt])
    formula = make_trial(make_view("=1+1", dataset=NASTY), {"skill": 0.2, "kl": 2.0})
    nasty = make_cell("kl", "raw", summary=NASTY, unit=NASTY, direction="sideways")
    cells = (make_cell("skill"), nasty, make_cell("tv"), make_cell("nll_validation"))
    return make_report([good, bad, formula], suite=NASTY, metrics=cells, select={NASTY: "nll_validation"})


def test_all_that_is_hostile_is_shown() -> None:
    """Else the tests below would find nothing to find: suite, row, dataset, choice, error and note."""
    assert leaderboard(hostile_report()).count(escaped(NASTY)) >= 6


@pytest.mark.long
def test_markdown_shows_names_as_they_are() -> None:
    texts = [leaderboard(hostile_report()), every_metric(hostile_report())]
    for text in texts:
        assert escaped(NASTY) in text
        assert all(part.isprintable() for part in text.splitlines())
        for harm in (r"(?<!\\)<", r"(?<!\\)\]\(", r"\n# \.\.", r"(?<!\\)\$", r"(?<!\\)&lt", r" \| \[x"):
            assert not re.search(harm, text), harm
    assert "(" + escaped(NASTY) + ")" in texts[1], "the unit"


def test_markdown_means_what_it_says() -> None:
    """Read by a parser of Markdown, the text is the text."""
    parser = pytest.importorskip("markdown_it").MarkdownIt("commonmark", {"html": True}).enable("table")
    for text in (leaderboard(hostile_report()), every_metric(hostile_report())):
        html = parser.render(text)
        assert "<script" not in html
        assert "href" not in html
        assert "&lt;script&gt;alert(1)&lt;/script&gt; | [x](javascript:y)" in html


def test_csv_holds_no_formula() -> None:
    text = spreadsheet(hostile_report())
    rows = list(csv.DictReader(io.StringIO(text)))
    assert {row["label"][:3] for row in rows} == {"<sc", "'=1"}
    assert not set("\x1b\x07\u202e") & set(text)


def test_the_terminal_is_not_driven() -> None:
    console = Console(width=200, file=io.StringIO(), force_terminal=True, color_system=None)
    console.print(terminal(hostile_report()))
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert "alert(1)" in text
    assert not {"\x07", "\u202e"} & set(text)
    assert "\x1b]" not in text


# --- stored results ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> tuple[Store, TrialFolder]:
    """A trial that ended well."""
    store = Store(tmp_path_factory.mktemp("hostile"))
    folder = planned_trial(store.root, budget={"steps": 3})
    TrialWork(folder, store.root).run()
    folder.finish(make_attempt())
    return store, folder


def replaced(folder: TrialFolder, name: str, content: bytes) -> None:
    """Put a file in the place of another, and its hash into ``DONE``: who can write the one can write the other."""
    folder.file(name).write_bytes(content)
    sealed = json.loads(folder.file("DONE").read_text())
    sealed["files"][name] = {"size": len(content), "sha256": digest(folder.file(name))}
    folder.file("DONE").write_text(json.dumps(sealed))


def torch_bytes(value: Any) -> bytes:
    import torch

    buffer = io.BytesIO()
    torch.save(value, buffer)
    return buffer.getvalue()


@pytest.mark.parametrize("kind", ["pickle", "torch", "text", "empty", "list", "other names"])
def test_a_hostile_model_is_not_run(
    kind: str, done: tuple[Store, TrialFolder], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    store, folder = done
    whole = folder.file("model.pt").read_bytes()
    contents: dict[str, Callable[[], bytes]] = {
        "pickle": lambda: pickle.dumps(Bomb(), protocol=2),
        "torch": lambda: torch_bytes({"a": Bomb()}),
        "text": lambda: b"import os",
        "empty": lambda: b"",
        "list": lambda: torch_bytes([1]),
        "other names": lambda: torch_bytes({"a": 1}),
    }
    try:
        replaced(folder, "model.pt", contents[kind]())
        with pytest.raises(UsageError, match="does not hold the numbers of this model; nothing in it was run"):
            load_model(folder, store.root)
    finally:
        replaced(folder, "model.pt", whole)
    assert load_model(folder, store.root) is not None
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("kind", ["pickle", "torch", "text", "empty", "list", "other names"])
def test_hostile_milestones_are_none(
    kind: str, done: tuple[Store, TrialFolder], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = done[1]
    whole = folder.file(MILESTONES).read_bytes()
    contents: dict[str, Callable[[], bytes]] = {
        "pickle": lambda: pickle.dumps(Bomb(), protocol=2),
        "torch": lambda: torch_bytes([{"step": 1, "passes": 1.0, "seconds": 1.0, "state": {"a": Bomb()}}]),
        "text": lambda: b"import os",
        "empty": lambda: b"",
        "list": lambda: torch_bytes([1]),
        "other names": lambda: torch_bytes([{"a": 1}]),
    }
    assert Milestones(folder).load(), "the wrong twin: those that were kept"
    try:
        replaced(folder, MILESTONES, contents[kind]())
        assert Milestones(folder).load() == []
    finally:
        replaced(folder, MILESTONES, whole)
    assert not list(tmp_path.iterdir())


def view_of(folder: TrialFolder) -> TrialView:
    """A trial of a hostile name that has this folder."""
    return make_view("$\\frac{$ " + NASTY, key=folder.path.name)


def arrays(**named_arrays: Any) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **named_arrays)
    return buffer.getvalue()


@pytest.mark.parametrize("kind", ["objects", "pickle", "npy", "empty", "other shapes", "text"])
def test_a_hostile_surface_is_no_picture(
    kind: str, done: tuple[Store, TrialFolder], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    _, folder = done
    whole = folder.file("surface.npz").read_bytes()
    single = io.BytesIO()
    np.save(single, np.ones(3))
    ones = np.ones(7)
    contents: dict[str, Callable[[], bytes]] = {
        "objects": lambda: arrays(energy=np.array([Bomb()], dtype=object)),
        "pickle": lambda: pickle.dumps(Bomb(), protocol=2),
        "npy": single.getvalue,
        "empty": lambda: b"",
        "other shapes": lambda: arrays(energy=ones, iso_log_density=ones, log_p=ones, lattice=np.array([400, 400])),
        "text": lambda: arrays(energy=np.array(["x"])),
    }
    try:
        replaced(folder, "surface.npz", contents[kind]())
        assert not draw_trial(TrialResult(view_of(folder), folder), PLANE, tmp_path / "t.png")
    finally:
        replaced(folder, "surface.npz", whole)
    assert not list(tmp_path.iterdir())


@pytest.mark.long
def test_names_in_figures_are_neither_mathematics_nor_codes(done: tuple[Store, TrialFolder], tmp_path: Path) -> None:
    store, folder = done
    view = view_of(folder)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert draw_trial(TrialResult(view, folder), PLANE, tmp_path / "t.png")
        figure = surfaces(Report(RunResult(make_run([view], suite=NASTY), store)))
        assert figure is not None
        save(figure, tmp_path / "s.png")
    titles = [text.get_text() for text in figure.texts]
    assert any(r"\$\frac{\$" in title for title in titles)
    assert all(part.isprintable() for title in titles for part in title.split("\n"))
    assert (tmp_path / "t.png").stat().st_size > 1000


@pytest.mark.parametrize("target", ["os:mkdir", "subprocess:Popen", "ebmbench.training.worker:main"])
def test_a_trial_makes_nothing_but_methods(
    target: str, done: tuple[Store, TrialFolder], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    store, folder = done
    whole = folder.file("trial.json").read_text()
    spec = json.loads(whole)
    spec["method"] |= {"target": target, "params": {"path": "exploded"}}
    try:
        folder.file("trial.json").write_text(json.dumps(spec))
        with pytest.raises(UsageError, match=f"{target} of .* is no Method"):
            load_model(folder, store.root)
        spec["method"]["file"] = "../../evil.py"
        folder.file("trial.json").write_text(json.dumps(spec))
        with pytest.raises(UsageError, match="is not among those of"):
            load_model(folder, store.root)
    finally:
        folder.file("trial.json").write_text(whole)
    assert not list(tmp_path.iterdir())


# --- the source -------------------------------------------------------------------------------------------------------

NEVER = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "marshal", "shelve", "yaml"}


def unsafe(source: str) -> list[str]:
    """Calls and imports that could run what a file holds."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names if alias.name.partition(".")[0] in NEVER]
        elif isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] in NEVER:
            found += [alias.name for alias in node.names if alias.name != "UnpicklingError"]
        elif isinstance(node, ast.Call):
            name, given = ast.unparse(node.func), {word.arg: ast.unparse(word.value) for word in node.keywords}
            if name == "torch.load" and given.get("weights_only") != "True":
                found.append(name)
            if re.fullmatch(r"np\.(.*\.)?(load|read_array)", name) and given.get("allow_pickle") != "False":
                found.append(name)
            if name in ("eval", "exec", "np.fromfile", "pd.read_pickle", "os.system", "torch.jit.load"):
                found.append(name)
            if name == "YAML" and given.get("typ") not in ("'rt'", "'safe'"):
                found.append(name)
    return found


@pytest.mark.long
def test_nothing_is_unpickled() -> None:
    files = [*(ROOT / "ebmbench").rglob("*.py"), *(ROOT / "plugins").rglob("*.py")]
    assert len(files) > 50
    assert {str(path): unsafe(path.read_text()) for path in files if unsafe(path.read_text())} == {}


@pytest.mark.parametrize(
    "source",
    [
        "torch.load(f)",
        "torch.load(f, weights_only=False)",
        "np.load(f)",
        "np.load(f, allow_pickle=True)",
        "np.lib.format.read_array(f)",
        "import pickle",
        "from joblib import load",
        "YAML(typ='unsafe')",
        "eval(x)",
    ],
)
def test_what_would_unpickle_is_seen(source: str) -> None:
    assert unsafe(source)


# --- the pages --------------------------------------------------------------------------------------------------------


def test_the_pages_are_for_this_machine_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mlflow.db").touch()
    calls: list[list[str]] = []

    def serve(command: list[str]) -> int:
        calls.append(command)
        return 0

    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.setattr(ui_verb, "serve", serve)
    monkeypatch.setattr(sys, "argv", ["ebmbench", "ui", "--results", str(tmp_path)])
    with pytest.raises(SystemExit):
        main()
    (command,) = calls
    assert [command[k + 1] for k, word in enumerate(command) if word == "--host"] == ["127.0.0.1"]


@pytest.mark.slow
def test_the_pages_listen_on_loopback(tmp_path: Path) -> None:
    (tmp_path / "mlflow.db").touch()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-c", "from ebmbench.cli import main; main()", "ui", "--results", str(tmp_path)]
    server = psutil.Popen([*command, "--port", str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 240
        found: list[Any] = []
        while not found and time.monotonic() < deadline:
            family = [server, *server.children(recursive=True)]
            found = [c.laddr for p in family for c in p.net_connections("inet") if c.status == psutil.CONN_LISTEN]
            time.sleep(0.5)
        assert found
        assert {address.ip for address in found} == {"127.0.0.1"}
        assert port in {address.port for address in found}
    finally:
        for process in [*server.children(recursive=True), server]:
            process.kill()
        server.wait()
