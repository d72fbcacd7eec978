"""Key honesty at the level of plans: an edit runs again what it touches, and words, places and order nothing."""

from __future__ import annotations

import ast
import contextlib
import importlib
import shutil
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import pytest

from ebmbench.catalog.loading import load_catalog
from ebmbench.contracts.records import Status
from ebmbench.identity import closure
from ebmbench.planning import plan as planning
from ebmbench.planning.plan import Plan, Planner, TrialState
from ebmbench.store.files import write_atomic
from ebmbench.store.folders import Store
from ebmbench.suite.loading import plugin_files, read_suite
from tests.factories import make_attempt, make_measurements, make_training
from tests.sources import Sources

HELPER = "def scale():\n    '''A number.'''\n    return 2.0\n"
CLASS = """
from ebmbench.api import GradientMethod, Surface
from honesty_helper import scale


class Bowl(Surface):
    def forward(self, y):
        return scale() * y.square().sum(-1)


class Mine(GradientMethod):
    width: int = 3

    def build(self, problem):
        return Bowl()
"""
RECORD = """
from ebmbench.api import EnergyKind, MethodSpec, Strategy, hookimpl


@hookimpl
def ebmbench_methods():
    strategy, kind = Strategy.C2, EnergyKind.DENSITY
    yield MethodSpec("mine", "honesty_class:Mine", strategy=strategy, kind=kind, summary="mine", params={})
"""
SUITE = """\
name: honest
datasets: [8gaussians, 2spirals]
data: {set: 200, validation: 200, test: 200}
methods: [nce, kmeans, cae, mine]
budget: {steps: 5}
seeds: 1
metrics: [skill]
plugins: [./mine.py]
"""
METHODS, DATASETS = ("nce", "kmeans", "cae", "mine"), ("8gaussians", "2spirals")


def cells(methods: tuple[str, ...] = METHODS, datasets: tuple[str, ...] = DATASETS) -> set[str]:
    return {f"{method}/{dataset}/0/cpu" for method in methods for dataset in datasets}


class Desk:
    """A suite with a plugin whose class and helper are modules of their own; all trials of it are done."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.store = folder, Store(folder / "results")
        for name, text in {
            "honesty_helper": HELPER,
            "honesty_class": CLASS,
            "mine": RECORD,
            "unrelated": "X = 1\n",
        }.items():
            self.write(name, text)

    def write(self, name: str, text: str) -> None:
        (self.folder / f"{name}.py").write_text(text)
        importlib.invalidate_caches()

    def edit(self, name: str, old: str, new: str) -> None:
        text = (self.folder / f"{name}.py").read_text()
        assert text.count(old) == 1, "the edit must hit"
        self.write(name, text.replace(old, new))

    def plan(self, suite: str = SUITE, folder: Path | None = None) -> Plan:
        path = (folder or self.folder) / "honest.yaml"
        path.write_text(suite)
        read, source = read_suite(str(path))
        catalog = load_catalog(plugin_files(read, source, ()))
        return Planner(read, source, catalog, Store(path.parent / "results")).plan()

    def finish(self, plan: Plan) -> None:
        """As if a run had done all of it."""
        for trial in plan.trials:
            folder = self.store.trial_folder(trial.view.key)
            folder.begin(trial.spec)
            write_atomic(folder.file("TRAINED"), make_training().model_dump_json())
            code = {cell.name: cell.code for cell in trial.spec.metrics}
            write_atomic(folder.file("metrics.json"), make_measurements(code=code).model_dump_json())
            folder.finish(make_attempt())

    def again(self, suite: str = SUITE, folder: Path | None = None) -> tuple[set[str], set[str]]:
        """What a run would train, and what it would only measure."""
        todo = self.plan(suite, folder).of(TrialState.TO_RUN)
        trained = {p.view.name for p in todo if p.reason == "new"}
        measured = {p.view.name for p in todo if p.reason == "trained; to measure: skill, kl"}
        assert trained | measured == {p.view.name for p in todo}
        return trained, measured


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the desk when all is done."""
    folder = tmp_path_factory.mktemp("done")
    with on_path(folder):
        made = Desk(folder)
        made.finish(made.plan())
        assert made.again() == (set(), set())
    return folder


@pytest.fixture
def desk(tmp_path: Path, done: Path) -> Iterator[Desk]:
    """A copy of it."""
    shutil.copytree(done, tmp_path, dirs_exist_ok=True)
    with on_path(tmp_path):
        yield Desk(tmp_path)


@contextlib.contextmanager
def on_path(folder: Path) -> Iterator[None]:
    """The plugin's modules are imported from there, and forgotten afterwards."""
    before = set(sys.modules)
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.syspath_prepend(str(folder))
        closure.forget()
        yield
    for name in set(sys.modules) - before:
        if name.startswith(("honesty_", closure.LOCAL)):
            del sys.modules[name]
    closure.forget()


@pytest.fixture
def sources(desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Sources:
    """Edits of copies: a file is then read once, because an edited one is another file."""
    monkeypatch.setattr(planning, "forget", closure.closure_of.cache_clear)
    return Sources(tmp_path / "edits", monkeypatch)


TOUCHED = {
    "ebmbench_plugins.c2_chosen_points.nce": (cells(("nce",)), set[str]()),
    "ebmbench.parts.latent": (cells(("kmeans",)), set[str]()),
    "ebmbench.parts.autoencoder": (cells(("cae",)), set[str]()),
    "ebmbench.parts.nets": (cells(("nce", "cae")), set[str]()),
    "ebmbench.parts.gradient": (cells(("nce", "cae", "mine")), set[str]()),
    "ebmbench.contracts.surface": (cells(), set[str]()),
    "ebmbench.contracts.problem": (cells(), set[str]()),
    "ebmbench.datasets.curves": (cells(datasets=("2spirals",)), set[str]()),
    "ebmbench.datasets.plane": (cells(), set[str]()),
    "ebmbench.training.loop": (cells(), set[str]()),
    "ebmbench.training.seeding": (cells(), set[str]()),
    "ebmbench.training.stream": (cells(), set[str]()),
    "ebmbench.training.components": (cells(), set[str]()),
    "ebmbench.training.counting": (cells(), set[str]()),
    "ebmbench.training.milestones": (cells(), set[str]()),
    "honesty_class": (cells(("mine",)), set[str]()),
    "honesty_helper": (cells(("mine",)), set[str]()),
    "ebmbench.metrics.surface": (set[str](), cells()),
    "ebmbench.metrics.context": (set[str](), cells()),
    "ebmbench.truth.normalizer": (set[str](), cells()),
    "ebmbench.training.measuring": (set[str](), cells()),
    "ebmbench.parts.samplers": (set[str](), cells()),  # none of these methods samples; log Z may be annealed
}
"""Module -> what is trained again and what is only measured again when it is edited."""
UNTOUCHED = (
    "ebmbench.metrics.samples",  # none of its metrics is measured here
    "ebmbench_plugins.c2_chosen_points",  # the records of a strategy
    "ebmbench_plugins.c2_chosen_points.pcd",
    "ebmbench.errors",
    "ebmbench.contracts.records",
    "ebmbench.execution.supervisor",
    "ebmbench.execution.local",
    "ebmbench.planning.plan",
    "ebmbench.analysis.leaderboard",
    "ebmbench.report.markdown",
    "ebmbench.session",
    "ebmbench.store.folders",
    "ebmbench.training.worker",
)


@pytest.mark.long
@pytest.mark.parametrize("module", TOUCHED)
def test_an_edit_runs_again_exactly_what_it_touches(desk: Desk, sources: Sources, module: str) -> None:
    sources.edit(module, "\n# words alone\n")
    assert desk.again() == (set(), set())
    sources.edit(module)
    assert desk.again() == TOUCHED[module]


@pytest.mark.long
@pytest.mark.parametrize("module", UNTOUCHED)
def test_an_edit_elsewhere_runs_nothing(desk: Desk, sources: Sources, module: str) -> None:
    sources.edit(module)
    assert desk.again() == (set(), set())


@pytest.mark.long
def test_a_key_of_raw_text_would_fail_here(desk: Desk, sources: Sources, monkeypatch: pytest.MonkeyPatch) -> None:
    """The wrong twin: hashed as it is written, a comment is another trial."""
    monkeypatch.setattr(closure, "_without_docstrings", lambda tree: tree)
    monkeypatch.setattr(ast, "unparse", lambda tree: ast.dump(tree, include_attributes=True))
    closure.forget()
    desk.finish(desk.plan())
    sources.edit("honesty_helper", "\n# words alone\n")
    assert desk.again() == (set(), set()), "a comment at the end moves nothing"
    sources.write("honesty_helper", "# words alone\n" + HELPER)
    assert desk.again() == (cells(("mine",)), set())


@pytest.mark.long
@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("return 2.0", "return  (2.0)  # two"),
        ("'''A number.'''", '"""Another text."""'),
        ("    '''A number.'''\n", ""),
        ("scale():\n", "scale(\n):\n\n\n"),
    ],
    ids=["comment and parentheses", "docstring and quotes", "no docstring", "formatting"],
)
def test_other_words_for_the_same_helper_run_nothing(desk: Desk, old: str, new: str) -> None:
    desk.edit("honesty_helper", old, new)
    assert desk.again() == (set(), set())


@pytest.mark.long
def test_a_helper_that_says_something_else_runs_its_method(desk: Desk) -> None:
    desk.edit("honesty_helper", "return 2.0", "return 3.0")
    assert desk.again() == (cells(("mine",)), set())
    desk.edit("honesty_helper", "return 3.0", "return 2.0")
    assert desk.again() == (set(), set()), "taken back, it is what is stored"


@pytest.mark.long
def test_a_default_of_a_record_is_a_parameter(desk: Desk) -> None:
    """The record's own code does not count; what it says of parameters does."""
    desk.edit("mine", 'summary="mine"', 'summary="other words"')
    assert desk.again() == (set(), set())
    desk.edit("mine", "params={}", 'params={"width": 3}')
    assert desk.again() == (set(), set()), "which is the default"
    desk.edit("mine", '{"width": 3}', '{"width": 4}')
    assert desk.again() == (cells(("mine",)), set())


@pytest.mark.long
def test_a_default_of_a_class_is_code(desk: Desk) -> None:
    desk.edit("honesty_class", "width: int = 3", "width: int = 4")
    assert desk.again() == (cells(("mine",)), set())


@pytest.mark.long
@pytest.mark.parametrize(
    ("distribution", "touched"),
    [("torch", cells()), ("numpy", cells()), ("scikit-learn", cells(("kmeans",))), ("mlflow", set[str]())],
)
def test_another_version_runs_again_what_uses_it(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, distribution: str, touched: set[str]
) -> None:
    monkeypatch.setattr(closure, "version", lambda name: "99.1" if name == distribution else version(name))
    closure._version.cache_clear()
    try:
        assert desk.again() == (touched, set())
    finally:
        closure._version.cache_clear()


def test_the_kind_of_build_is_no_version(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(closure, "version", lambda name: version(name).partition("+")[0] + "+other")
    closure._version.cache_clear()
    try:
        assert desk.again() == (set(), set())
    finally:
        closure._version.cache_clear()


SAME = {
    "another order": SUITE.replace("[nce, kmeans, cae, mine]", "[mine, cae, kmeans, nce]").replace(
        "[8gaussians, 2spirals]", "[2spirals, 8gaussians]"
    ),
    "another name": SUITE.replace("name: honest", "name: other"),
    "other limits": SUITE + "timeout: 9s\nmemory: 1GB\n",
    "another plugin": SUITE.replace("./mine.py]", "./mine.py, ./unrelated.py]"),
}


@pytest.mark.long
@pytest.mark.parametrize("change", SAME)
def test_what_makes_no_number_runs_nothing(desk: Desk, change: str) -> None:
    assert SAME[change] != SUITE
    assert desk.again(SAME[change]) == (set(), set())


def test_more_seeds_run_the_new_ones_alone(desk: Desk) -> None:
    plan = desk.plan(SUITE.replace("seeds: 1", "seeds: [3, 0]"))
    assert {p.view.name for p in plan.of(TrialState.TO_RUN)} == {name.replace("/0/", "/3/") for name in cells()}


def test_a_parameter_of_a_dataset_runs_that_dataset(desk: Desk) -> None:
    trained, measured = desk.again(SUITE.replace("[8gaussians, ", "[{name: 8gaussians, sigma: 0.3}, "))
    assert (trained, measured) == (cells(datasets=("8gaussians",)), set())


def test_another_place_runs_nothing(desk: Desk) -> None:
    """The plugin, the suite and the results lie elsewhere, and are the same."""
    moved = desk.folder / "elsewhere"
    moved.mkdir()
    shutil.copytree(desk.folder / "results", moved / "results")
    shutil.copy(desk.folder / "mine.py", moved)
    assert desk.again(folder=moved) == (set(), set())


@pytest.mark.long
def test_a_trial_whose_edit_was_taken_back_is_to_run(desk: Desk) -> None:
    """The worker refused it; any other failure stays a failure until it is asked for."""
    plan = desk.plan()
    for trial, kind in zip(plan.trials[:2], ("CodeChanged", "ValueError"), strict=True):
        folder = desk.store.trial_folder(trial.view.key)
        folder.finish(make_attempt(Status.FAILED, error_type=kind))
    states = [(p.state, p.reason) for p in desk.plan().trials]
    assert states[0] == (TrialState.TO_RUN, "its code had changed under the run")
    assert states[1] == (TrialState.FAILED, "failed: ValueError")
    assert {state for state, _ in states[2:]} == {TrialState.CACHED}
