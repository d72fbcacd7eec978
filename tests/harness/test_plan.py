"""From a suite to trials: grids, labels, errors with their place, obstacles with their reason, and keys."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from ebmbench.contracts import Status
from ebmbench.harness.plan import Plan, Planner, State, plugin_files
from ebmbench.store.folders import Store
from ebmbench.store.records import Attempt
from ebmbench.suite.catalog import load_catalog
from ebmbench.suite.errors import SuiteError, UsageError
from ebmbench.suite.loading import read_suite

SUITE = """\
name: tiny
datasets: [8gaussians]
data: {set: 200, validation: 200, test: 200}
methods:
  - nce
  - {name: gmm, components: 4}
budget: {steps: 5}
seeds: 2
metrics: [skill]
"""

METHOD_PLUGIN = '''
from ebmbench.api import EnergyKind, GradientMethod, MethodSpec, Problem, Strategy, Surface, hookimpl

SCALE = 1.0


class Bowl(Surface):
    """F = |y|^2."""

    def forward(self, y, x=None):
        return SCALE * y.square().sum(-1)


class Mine(GradientMethod):
    """A method of a single file."""

    text: str = ""

    def build(self, problem):
        return Bowl()

    def supports(self, problem):
        SUPPORTS


@hookimpl
def ebmbench_methods():
    yield MethodSpec("mine", Mine, strategy=Strategy.C2, kind=EnergyKind.DENSITY, summary="mine")
'''

DATASET_PLUGIN = '''
import torch

from ebmbench.api import Batch, Box, Dataset, DatasetSpec, hookimpl


class Blob(Dataset):
    """A standard normal."""

    @property
    def domain(self):
        return Box((-4.0, -4.0), (4.0, 4.0))

    def sample(self, n, generator):
        return Batch(torch.randn(n, 2, generator=generator, dtype=torch.float64))


@hookimpl
def ebmbench_datasets():
    yield DatasetSpec("blob", Blob, "a standard normal")
'''

Plans = Callable[..., Plan]


@pytest.fixture
def plan(tmp_path: Path) -> Plans:
    """Plans a suite that is written to a file of its own."""

    def make(
        text: str = SUITE,
        *,
        keyword: str | None = None,
        file: str = "tiny.yaml",
        overrides: tuple[str, ...] = (),
        plugins: tuple[str, ...] = (),
        results: str = "results",
        retry_failed: bool = False,
        seeds: int | None = None,
    ) -> Plan:
        path = tmp_path / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        suite, source = read_suite(str(path), overrides, seeds)
        catalog = load_catalog(plugin_files(suite, source, plugins))
        planner = Planner(suite, source, catalog, Store(tmp_path / results))
        return planner.plan(keyword, retry_failed=retry_failed)

    return make


def names(plan: Plan) -> list[str]:
    return [planned.view.name for planned in plan.trials]


def keys(plan: Plan) -> dict[str, str]:
    return {planned.view.name: planned.view.key for planned in plan.trials}


def edited(old: str, new: str, text: str = SUITE) -> str:
    assert text.count(old) == 1, "the edit must hit"
    return text.replace(old, new)


# --- what a suite multiplies to --------------------------------------------------------------------------------------


def test_methods_by_datasets_by_seeds(plan: Plans) -> None:
    """Within a dataset and a seed all methods: rows of the first dataset are complete first."""
    assert names(plan(edited("[8gaussians]", "[8gaussians, moons]"))) == [
        f"{method}/{dataset}/{seed}/cpu"
        for dataset in ("8gaussians", "moons")
        for seed in (0, 1)
        for method in ("nce", "gmm")
    ]


def test_seeds_are_a_number_or_a_list(plan: Plans) -> None:
    assert names(plan(edited("seeds: 2", "seeds: [7, 3]"), keyword="nce")) == [
        "nce/8gaussians/7/cpu",
        "nce/8gaussians/3/cpu",
    ]
    assert names(plan(seeds=1)) == ["nce/8gaussians/0/cpu", "gmm/8gaussians/0/cpu"]


def test_only_a_grid_multiplies(plan: Plans) -> None:
    """Two grids give their product; the other fields stay; labels and points are in the name."""
    text = edited(
        "{name: gmm, components: 4}",
        "{name: gmm, label: mix, tolerance: 0.5, grid: {components: [2, 3], regularization: [0.1, 0.2]}}",
    )
    made = plan(text, seeds=1, keyword="gmm")
    assert names(made) == [
        f"gmm[mix,components={c},regularization={r}]/8gaussians/0/cpu" for c in (2, 3) for r in (0.1, 0.2)
    ]
    assert [trial.spec.method.params["components"] for trial in made.trials] == [2, 2, 3, 3]
    assert {trial.spec.method.params["tolerance"] for trial in made.trials} == {0.5}
    assert {trial.view.row for trial in made.trials} == {"mix"}


def test_a_dataset_has_a_grid_too(plan: Plans) -> None:
    text = edited("[8gaussians]", "[{name: pink_spiral, grid: {sigma: [0.05, 0.1]}}]")
    made = plan(text, seeds=1, keyword="nce")
    assert [trial.view.dataset for trial in made.trials] == ["pink_spiral[sigma=0.05]", "pink_spiral[sigma=0.1]"]
    assert [trial.spec.dataset.params["sigma"] for trial in made.trials] == [0.05, 0.1]


def test_defaults_are_part_of_a_trial(plan: Plans) -> None:
    """A default spelled out is the same trial; a preset of the catalog is filled in."""
    plain = keys(plan())["nce/8gaussians/0/cpu"]
    assert keys(plan(edited("- nce", "- {name: nce, noise_ratio: 4}")))["nce/8gaussians/0/cpu"] == plain
    assert plan().trials[0].spec.method.params["lr"] == 2e-3


def test_select_is_remembered(plan: Plans) -> None:
    text = edited("components: 4}", "grid: {components: [2, 3]}, select: nll_validation}")
    assert plan(text).run.select == {"gmm": "nll_validation"}


@pytest.mark.parametrize("metric", ["nll", "kl", "nll_validatoin"])
def test_choices_are_made_on_validation_data_only(plan: Plans, metric: str) -> None:
    """A test metric, or the truth, must never choose a hyper-parameter."""
    text = edited("components: 4}", f"grid: {{components: [2, 3]}}, select: {metric}}}")
    with pytest.raises(SuiteError, match="validation data only"):
        plan(text)


def test_a_label_renames_the_row_not_the_trial(plan: Plans) -> None:
    labelled = plan(edited("- nce", "- {name: nce, label: mine}"), seeds=1)
    assert labelled.trials[0].view.row == "mine"
    assert labelled.trials[0].view.name == "nce[mine]/8gaussians/0/cpu"
    assert labelled.trials[0].view.key == plan(seeds=1).trials[0].view.key


@pytest.mark.parametrize("shelf", ["methods", "datasets"])
def test_two_rows_of_one_name_are_an_error(plan: Plans, shelf: str) -> None:
    text = edited("- nce", "- nce\n  - nce") if shelf == "methods" else edited("[8gaussians]", "[moons, moons]")
    place = "6:5" if shelf == "methods" else "2:19"
    with pytest.raises(SuiteError, match=rf"tiny\.yaml:{place}: two {shelf} are called '(nce|moons)'; .*label"):
        plan(text)


def test_a_label_settles_it(plan: Plans) -> None:
    made = plan(edited("- nce", "- nce\n  - {name: nce, label: again}"), seeds=1, keyword="nce")
    assert names(made) == ["nce/8gaussians/0/cpu", "nce[again]/8gaussians/0/cpu"]


# --- errors ----------------------------------------------------------------------------------------------------------

MISTAKES = {
    "unknown method": (("- nce", "- nec"), "5:5", "unknown method 'nec'; did you mean 'nce'?"),
    "unknown method with a name key": (
        ("{name: gmm, components: 4}", "{name: gm, components: 4}"),
        "6:12",
        "unknown method 'gm'; did you mean 'gmm'?",
    ),
    "unknown dataset": (
        ("[8gaussians]", "[8gausians]"),
        "2:12",
        "unknown dataset '8gausians'; did you mean '8gaussians'?",
    ),
    "unknown field": (
        ("components: 4", "componets: 4"),
        "6:28",
        "gmm has no field 'componets'; did you mean 'components'?",
    ),
    "unknown grid field": (
        ("components: 4", "grid: {componets: [4]}"),
        "6:35",
        "gmm has no field 'componets'; did you mean 'components'?",
    ),
    "bad field": (
        ("components: 4", "components: 0"),
        "6:29",
        "gmm.components: input should be greater than or equal to 1, got 0",
    ),
    "bad type": (("components: 4", "components: many"), "6:29", "gmm.components: input should be a valid integer"),
    "bad grid value": (("components: 4", "grid: {components: [4, -1]}"), "6:36", "gmm.components: input should be"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_named_with_its_place_and_the_nearest_name(plan: Plans, mistake: str) -> None:
    (old, new), place, message = MISTAKES[mistake]
    with pytest.raises(SuiteError) as caught:
        plan(edited(old, new))
    first, line, caret = str(caught.value).splitlines()
    row, column = (int(part) for part in place.split(":"))
    assert f"tiny.yaml:{place}: {message}" in first
    assert line == "    " + edited(old, new).splitlines()[row - 1], "the line itself is shown"
    assert caret == " " * (4 + column - 1) + "^", "the caret stands below the column"


def test_an_unknown_metric_is_named_at_its_place(plan: Plans) -> None:
    with pytest.raises(SuiteError, match=r"tiny\.yaml:9:\d+: unknown metric 'kll'; did you mean 'kl'\?"):
        plan(edited("[skill]", "[kll]"))


@pytest.mark.parametrize(
    "listed", [["kll"], ["kll", "nll", "tv"], ["skill", "tv", "kll"], ["nll", "kl", "kll", "tv", "fisher"]]
)
def test_the_column_of_an_unknown_metric(plan: Plans, listed: list[str]) -> None:
    line = f"metrics: [{', '.join(listed)}]"
    column = line.index("kll") + 1
    with pytest.raises(SuiteError, match=rf"tiny\.yaml:9:{column}: unknown metric 'kll'"):
        plan(edited("metrics: [skill]", line))


def test_a_plugin_file_that_is_not_there(plan: Plans) -> None:
    with pytest.raises(SuiteError, match=r"tiny\.yaml:10:11: plugin \./none\.py: there is no such file"):
        plan(SUITE + "plugins: [./none.py]\n")
    with pytest.raises(UsageError, match=r"plugin none\.py: there is no such file"):
        plan(plugins=("none.py",))


# --- what cannot be run ----------------------------------------------------------------------------------------------


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a cuda device here")
def test_an_absent_device_is_skipped_with_the_reason(plan: Plans) -> None:
    made = plan(SUITE + "devices: [cpu, cuda, 'cuda:1', mps]\n", seeds=1, keyword="nce")
    by_device = {trial.view.device: trial for trial in made.trials}
    assert by_device["cpu"].state is State.TO_RUN
    assert by_device["cuda"].state is by_device["cuda:1"].state is State.SKIPPED
    assert by_device["cuda"].reason == by_device["cuda"].view.skipped == "no cuda device on this machine"
    assert len({trial.view.key for trial in made.trials}) == 4


def test_what_a_method_does_not_support_is_skipped_with_its_reason(plan: Plans, tmp_path: Path) -> None:
    plugin = tmp_path / "picky.py"
    plugin.write_text(METHOD_PLUGIN.replace("SUPPORTS", 'return f"needs 3 dimensions, got {problem.dim}"'))
    made = plan(edited("- nce", "- mine"), plugins=(str(plugin),), seeds=1)
    states = {trial.view.method: (trial.state, trial.reason) for trial in made.trials}
    assert states["mine"] == (State.SKIPPED, "needs 3 dimensions, got 2")
    assert states["gmm"][0] is State.TO_RUN


def test_a_method_whose_support_check_raises_spoils_no_plan(plan: Plans, tmp_path: Path) -> None:
    """The check is a plugin's code: the worker asks again, and what it raises is the outcome of that trial alone."""
    plugin = tmp_path / "raising.py"
    plugin.write_text(METHOD_PLUGIN.replace("SUPPORTS", "raise RuntimeError('boom')"))
    made = plan(edited("- nce", "- mine"), plugins=(str(plugin),), seeds=1)
    assert [(trial.view.method, trial.state) for trial in made.trials] == [
        ("mine", State.TO_RUN),
        ("gmm", State.TO_RUN),
    ]


@pytest.mark.parametrize("target", ["no_such_function", "Bowl", "SCALE"])
def test_a_target_that_is_no_method_is_a_clear_error(plan: Plans, tmp_path: Path, target: str) -> None:
    plugin = tmp_path / "wrong.py"
    text = METHOD_PLUGIN.replace("SUPPORTS", "return None")
    plugin.write_text(text.replace('"mine", Mine,', f'"mine", __name__ + ":{target}",'))
    with pytest.raises(UsageError, match=r"wrong\.py"):
        plan(edited("- nce", "- mine"), plugins=(str(plugin),))


# --- what is done and what is not ------------------------------------------------------------------------------------


def end(plan: Plan, store: Store, status: Status) -> None:
    """Mark every trial of a plan as ended."""
    attempt = Attempt(status=status, error_type="Boom", message="why", started="2026-01-01", total_seconds=1.0)
    for trial in plan.trials:
        folder = store.trial(trial.view.key)
        folder.begin(trial.spec)
        folder.finish(attempt)


def test_a_trial_that_failed_is_not_run_again_unless_told(plan: Plans, tmp_path: Path) -> None:
    store, narrow = Store(tmp_path / "results"), {"keyword": "nce and /0/"}
    assert plan(**narrow).trials[0].state is State.TO_RUN
    end(plan(**narrow), store, Status.TIMEOUT)
    again = plan(**narrow).trials[0]
    assert (again.state, again.reason) == (State.FAILED, "timeout: Boom: why")
    assert plan(**narrow, retry_failed=True).trials[0].state is State.TO_RUN
    assert plan(keyword="nce and /1/").trials[0].state is State.TO_RUN


def test_a_trial_that_was_left_half_way_is_to_run(plan: Plans, tmp_path: Path) -> None:
    store = Store(tmp_path / "results")
    trial = plan(keyword="nce and /0/").trials[0]
    assert trial.reason == "new"
    store.trial(trial.view.key).begin(trial.spec)
    again = plan(keyword="nce and /0/").trials[0]
    assert (again.state, again.reason) == (State.TO_RUN, "not finished before")


def test_a_trial_that_is_trained_but_not_measured_is_to_be_measured(plan: Plans, tmp_path: Path) -> None:
    store = Store(tmp_path / "results")
    end(plan(keyword="nce and /0/"), store, Status.OK)
    again = plan(keyword="nce and /0/").trials[0]
    assert (again.state, again.reason) == (State.TO_RUN, "trained; to measure: skill, kl")


# --- -k --------------------------------------------------------------------------------------------------------------

ALL = [f"{method}/8gaussians/{seed}/cpu" for seed in (0, 1) for method in ("nce", "gmm")]


@pytest.mark.parametrize(
    ("expression", "chosen"),
    [
        ("nce", [ALL[0], ALL[2]]),
        ("NCE", [ALL[0], ALL[2]]),
        ("not nce", [ALL[1], ALL[3]]),
        ("nce and /1/", [ALL[2]]),
        ("nce or /1/", [ALL[0], ALL[2], ALL[3]]),
        ("not (nce or /1/)", [ALL[1]]),
        ("not nce and not /1/", [ALL[1]]),
        ("gmm or nce and /1/", [ALL[1], ALL[2], ALL[3]]),
        ("not not nce", [ALL[0], ALL[2]]),
    ],
)
def test_k_narrows_as_in_pytest(plan: Plans, expression: str, chosen: list[str]) -> None:
    made = plan(keyword=expression)
    assert names(made) == chosen
    assert not made.run.full


@pytest.mark.parametrize("expression", ["nothing_has_this_name", "nce and not nce"])
def test_k_that_matches_nothing_is_an_error(plan: Plans, expression: str) -> None:
    with pytest.raises(UsageError, match="no trial has such a name"):
        plan(keyword=expression)


@pytest.mark.parametrize("expression", ["nce and", "(nce", "nce)", "and", "not", "nce gmm", "()", "   "])
def test_k_that_is_no_expression_is_an_error(plan: Plans, expression: str) -> None:
    with pytest.raises(UsageError, match="-k"):
        plan(keyword=expression)


# --- keys ------------------------------------------------------------------------------------------------------------

SAME: dict[str, dict[str, Any]] = {
    "name of the suite": {"text": edited("name: tiny", "name: other")},
    "file": {"file": "elsewhere/renamed.yaml"},
    "results folder": {"results": "other_results"},
    "label": {"text": edited("- nce", "- {name: nce, label: mine}")},
    "order": {"text": edited("  - nce\n  - {name: gmm, components: 4}", "  - {name: gmm, components: 4}\n  - nce")},
    "other methods": {"text": edited("  - {name: gmm, components: 4}\n", "  - pcd\n  - oracle\n")},
    "other datasets": {"text": edited("[8gaussians]", "[moons, 8gaussians]")},
    "other seeds": {"text": edited("seeds: 2", "seeds: [5, 0]")},
    "timeout": {"text": SUITE + "timeout: 17s\n"},
    "memory": {"text": SUITE + "memory: 1GB\n"},
    "metrics": {"text": edited("[skill]", "all")},
    "a grid point that says the same": {"text": edited("- nce", "- {name: nce, grid: {noise_ratio: [4]}}")},
}
OTHER: dict[str, dict[str, Any]] = {
    "method parameter": {"text": edited("- nce", "- {name: nce, noise_ratio: 5}")},
    "dataset parameter": {"text": edited("[8gaussians]", "[{name: 8gaussians, sigma: 0.3}]")},
    "dataset": {"text": edited("[8gaussians]", "[moons]")},
    "seed": {"text": edited("seeds: 2", "seeds: [4]")},
    "budget": {"overrides": ("budget.steps=6",)},
    "budget kind": {"text": edited("{steps: 5}", "{passes: 5}")},
    "net": {"text": SUITE + "net: {width: 64}\n"},
    "training regime": {"overrides": ("data.train=100",)},
    "training set": {"overrides": ("data.set=300",)},
    "held-out points": {"overrides": ("data.test=300",)},
    "dtype": {"text": SUITE + "devices: [{device: cpu, dtype: float64}]\n"},
    "threads": {"text": SUITE + "devices: [{device: cpu, threads: 2}]\n"},
    "device": {"text": SUITE + "devices: [cuda]\n"},
}


@pytest.mark.parametrize("change", SAME)
def test_a_key_does_not_depend_on(plan: Plans, change: str) -> None:
    before = keys(plan())["nce/8gaussians/0/cpu"]
    assert before in {trial.view.key for trial in plan(**SAME[change]).trials}


@pytest.mark.parametrize("change", OTHER)
def test_a_key_depends_on(plan: Plans, change: str) -> None:
    before = set(keys(plan()).values())
    after = [trial.view.key for trial in plan(**OTHER[change]).trials if trial.view.method == "nce"]
    assert after
    assert not before & set(after)


def test_all_cells_have_keys_of_their_own(plan: Plans) -> None:
    made = plan(edited("[8gaussians]", "[8gaussians, moons]"))
    assert len({trial.view.key for trial in made.trials}) == len(made.trials) == 8


def test_a_plan_is_the_same_plan_again(plan: Plans) -> None:
    """Its id is a function of the suite's name and its trials; a narrowed one is another plan."""
    assert plan().run.plan_id == plan(file="other.yaml").run.plan_id
    assert plan().run.plan_id != plan(keyword="nce").run.plan_id
    assert plan().run.plan_id != plan(edited("name: tiny", "name: other")).run.plan_id


# --- the code behind a key -------------------------------------------------------------------------------------------


def key_of_mine(plan: Plans, file: Path, text: str, *others: Path) -> str:
    file.write_text(text)
    made = plan(
        edited("- nce", "- mine", edited("[8gaussians]", "[blob]") if others else SUITE),
        plugins=(str(file), *map(str, others)),
        seeds=1,
        keyword="mine",
    )
    return made.trials[0].view.key


def test_code_counts_and_its_words_do_not(plan: Plans, tmp_path: Path) -> None:
    text = METHOD_PLUGIN.replace("SUPPORTS", "return None")
    key = key_of_mine(plan, tmp_path / "mine.py", text)
    assert key_of_mine(plan, tmp_path / "mine.py", text + "\n\n# a remark\n") == key
    assert key_of_mine(plan, tmp_path / "mine.py", edited("F = |y|^2.", "Other words.", text)) == key
    assert key_of_mine(plan, tmp_path / "mine.py", edited("SCALE = 1.0", "SCALE  =  1.0", text)) == key
    assert key_of_mine(plan, tmp_path / "renamed.py", text) == key, "nor does the file's name"
    assert key_of_mine(plan, tmp_path / "mine.py", edited("SCALE = 1.0", "SCALE = 2.0", text)) != key


def test_the_code_of_a_method_and_of_a_dataset_in_two_files_both_count(plan: Plans, tmp_path: Path) -> None:
    """An edit of either is another trial, whichever file's hash comes first."""
    text = METHOD_PLUGIN.replace("SUPPORTS", "return None")
    data = tmp_path / "data.py"
    seen = []
    for scale in range(3):
        for width in range(3):
            data.write_text(DATASET_PLUGIN.replace("(4.0, 4.0)", f"(4.0, {4 + width}.0)"))
            code = edited("SCALE = 1.0", f"SCALE = {scale}.0", text)
            seen.append(key_of_mine(plan, tmp_path / "mine.py", code, data))
    assert len(set(seen)) == 9


def test_a_plugin_is_kept_with_the_results(plan: Plans, tmp_path: Path) -> None:
    """So that a stored model can be rebuilt when the file is gone or edited."""
    text = METHOD_PLUGIN.replace("SUPPORTS", "return None")
    plugin = tmp_path / "mine.py"
    plugin.write_text(text)
    made = plan(edited("- nce", "- mine"), plugins=(str(plugin),), keyword="mine")
    file = made.trials[0].spec.method.file
    assert file is not None
    assert (tmp_path / "results" / file).read_text() == text
