"""From a suite to trials: grids, labels, errors with their place, obstacles with their reason, and keys."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from ebmbench.contracts.records import Protocol, Status
from ebmbench.errors import UsageError
from ebmbench.metrics.tracks import BINARY, PLANE
from ebmbench.planning.plan import Plan, TrialState
from ebmbench.store.files import write_atomic
from ebmbench.store.folders import Store
from ebmbench.store.records import Value
from tests.factories import make_attempt, make_measurements, make_training
from tests.planned import SUITE as MAPPING
from tests.planned import plan_of
from tests.plans import DATASET_PLUGIN, METHOD_PLUGIN, SUITE, Plans, edited, keys, names

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
    assert names(plan(keyword="nce/8gaussians/0/cpu")) == ["nce/8gaussians/0/cpu"], "a whole name is of one trial"
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


def test_a_sweep_multiplies_the_datasets(plan: Plans) -> None:
    """Each stands for one with each setting; the settings are the trials' own, and in their keys."""
    text = edited("seeds: 2", "seeds: [1]\nsweep: {data.train: [100, 200], budget.steps: [5, 10]}")
    made = plan(text, keyword="nce")
    points = [(n, s) for n in (100, 200) for s in (5, 10)]
    assert names(made) == [f"nce/8gaussians[train={n},steps={s}]/1/cpu" for n, s in points]
    assert [(trial.spec.data.train, trial.spec.budget.steps) for trial in made.trials] == points
    assert len({trial.view.key for trial in made.trials}) == 4
    assert [trial.view.dataset for trial in made.trials] == [f"8gaussians[train={n},steps={s}]" for n, s in points]


def test_a_point_of_a_sweep_is_the_same_trial_as_without_one(plan: Plans) -> None:
    swept = keys(plan(edited("seeds: 2", "seeds: 2\nsweep: {data.set: [100, 300]}")))
    alone = keys(plan(edited("{set: 200,", "{set: 300,")))
    assert set(alone.values()) < set(swept.values())


def test_a_dataset_has_a_grid_too(plan: Plans) -> None:
    text = edited("[8gaussians]", "[{name: pink_spiral, grid: {sigma: [0.05, 0.1]}}]")
    made = plan(text, seeds=1, keyword="nce")
    assert [trial.view.dataset for trial in made.trials] == ["pink_spiral[sigma=0.05]", "pink_spiral[sigma=0.1]"]
    assert [trial.spec.dataset.params["sigma"] for trial in made.trials] == [0.05, 0.1]


def test_select_is_remembered(plan: Plans) -> None:
    text = edited("components: 4}", "grid: {components: [2, 3]}, select: nll_validation}")
    assert plan(text).run.select == {"gmm": "nll_validation"}


@pytest.mark.long
def test_a_label_renames_the_row_not_the_trial(plan: Plans) -> None:
    labelled = plan(edited("- nce", "- {name: nce, label: mine}"), seeds=1)
    assert labelled.trials[0].view.row == "mine"
    assert labelled.trials[0].view.name == "nce[mine]/8gaussians/0/cpu"
    assert labelled.trials[0].view.key == plan(seeds=1).trials[0].view.key


def test_a_label_settles_it(plan: Plans) -> None:
    made = plan(edited("- nce", "- nce\n  - {name: nce, label: again}"), seeds=1, keyword="nce")
    assert names(made) == ["nce/8gaussians/0/cpu", "nce[again]/8gaussians/0/cpu"]


# --- what cannot be run ----------------------------------------------------------------------------------------------


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a cuda device here")
def test_an_absent_device_is_skipped_with_the_reason(plan: Plans) -> None:
    made = plan(SUITE + "devices: [cpu, cuda, 'cuda:1', mps]\n", seeds=1, keyword="nce")
    by_device = {trial.view.device: trial for trial in made.trials}
    assert by_device["cpu"].state is TrialState.TO_RUN
    assert by_device["cuda"].state is by_device["cuda:1"].state is TrialState.SKIPPED
    assert by_device["cuda"].reason == by_device["cuda"].view.skipped == "no cuda device on this machine"
    assert len({trial.view.key for trial in made.trials}) == 4


def test_what_a_method_does_not_support_is_skipped_with_its_reason(plan: Plans, tmp_path: Path) -> None:
    plugin = tmp_path / "picky.py"
    plugin.write_text(METHOD_PLUGIN.replace("SUPPORTS", 'return f"needs 3 dimensions, got {problem.dim}"'))
    made = plan(edited("- nce", "- mine"), plugins=(str(plugin),), seeds=1)
    states = {trial.view.method: (trial.state, trial.reason) for trial in made.trials}
    assert states["mine"] == (TrialState.SKIPPED, "needs 3 dimensions, got 2")
    assert states["gmm"][0] is TrialState.TO_RUN


def test_a_method_whose_support_check_raises_spoils_no_plan(plan: Plans, tmp_path: Path) -> None:
    """The check is a plugin's code: the worker asks again, and what it raises is the outcome of that trial alone."""
    plugin = tmp_path / "raising.py"
    plugin.write_text(METHOD_PLUGIN.replace("SUPPORTS", "raise RuntimeError('boom')"))
    made = plan(edited("- nce", "- mine"), plugins=(str(plugin),), seeds=1)
    assert [(trial.view.method, trial.state) for trial in made.trials] == [
        ("mine", TrialState.TO_RUN),
        ("gmm", TrialState.TO_RUN),
    ]


# --- what is done and what is not ------------------------------------------------------------------------------------


def end(plan: Plan, store: Store, status: Status) -> None:
    """Mark every trial of a plan as ended."""
    for trial in plan.trials:
        folder = store.trial_folder(trial.view.key)
        folder.begin(trial.spec)
        folder.finish(make_attempt(status, error_type="Boom", message="why"))


@pytest.mark.long
def test_a_trial_that_failed_is_not_run_again_unless_told(plan: Plans, tmp_path: Path) -> None:
    store, narrow = Store(tmp_path / "results"), {"keyword": "nce and /0/"}
    assert plan(**narrow).trials[0].state is TrialState.TO_RUN
    end(plan(**narrow), store, Status.TIMEOUT)
    again = plan(**narrow).trials[0]
    assert (again.state, again.reason) == (TrialState.FAILED, "timeout: Boom: why")
    assert plan(**narrow, retry_failed=True).trials[0].state is TrialState.TO_RUN
    assert plan(keyword="nce and /1/").trials[0].state is TrialState.TO_RUN


def test_a_trial_that_was_left_half_way_is_to_run(plan: Plans, tmp_path: Path) -> None:
    store = Store(tmp_path / "results")
    trial = plan(keyword="nce and /0/").trials[0]
    assert trial.reason == "new"
    store.trial_folder(trial.view.key).begin(trial.spec)
    again = plan(keyword="nce and /0/").trials[0]
    assert (again.state, again.reason) == (TrialState.TO_RUN, "not finished before")


def test_a_trial_that_is_trained_but_not_measured_is_to_be_measured(plan: Plans, tmp_path: Path) -> None:
    store = Store(tmp_path / "results")
    end(plan(keyword="nce and /0/"), store, Status.OK)
    again = plan(keyword="nce and /0/").trials[0]
    assert (again.state, again.reason) == (TrialState.TO_RUN, "trained; to measure: skill, kl")


def measured(plan: Plan, store: Store, **notes: str) -> None:
    """All trials trained and measured, some metrics with a note."""
    for trial in plan.trials:
        folder = store.trial_folder(trial.view.key)
        folder.begin(trial.spec)
        write_atomic(folder.file("TRAINED"), make_training().model_dump_json())
        cells = trial.spec.metrics
        values = [
            Value(cell.name, value=None if cell.name in notes else 1.0, note=notes.get(cell.name, "")) for cell in cells
        ]
        code = {cell.name: cell.code for cell in cells}
        write_atomic(folder.file("metrics.json"), make_measurements(values, code=code).model_dump_json())
        folder.finish(make_attempt())


@pytest.mark.long
def test_a_trial_that_is_all_done_is_cached_and_was_read_once(plan: Plans, tmp_path: Path) -> None:
    measured(plan(keyword="nce"), Store(tmp_path / "results"))
    nce, gmm = plan(seeds=1).trials
    assert (nce.state, nce.reason, gmm.state) == (TrialState.CACHED, "", TrialState.TO_RUN)
    assert nce.ended is not None
    assert nce.ended.status is Status.OK
    assert gmm.ended is None


@pytest.mark.long
def test_a_metric_that_raised_is_measured_again_when_failures_are_retried(plan: Plans, tmp_path: Path) -> None:
    """One that does not apply is not."""
    measured(plan(keyword="nce and /0/"), Store(tmp_path / "results"), kl="error: Boom", skill="n/a: no reason")
    again = plan(keyword="nce and /0/").trials[0]
    assert again.state is TrialState.CACHED
    again = plan(keyword="nce and /0/", retry_failed=True).trials[0]
    assert (again.state, again.reason) == (TrialState.TO_RUN, "trained; to measure: kl")


@pytest.mark.long
def test_a_damaged_trial_is_to_run_and_the_reason_says_what_is_damaged(plan: Plans, tmp_path: Path) -> None:
    store, narrow = Store(tmp_path / "results"), {"keyword": "nce and /0/"}
    made = plan(**narrow)
    measured(made, store)
    store.trial_folder(made.trials[0].view.key).file("metrics.json").write_text("{}")
    again = plan(**narrow).trials[0]
    assert (again.state, again.ended) == (TrialState.TO_RUN, None)
    assert again.reason.startswith("damaged: metrics.json has 2 bytes")


@pytest.mark.long
def test_another_lattice_measures_again_and_trains_nothing(tmp_path: Path) -> None:
    """How surfaces are measured is a part of the key of every metric, and of no trial."""
    store = Store(tmp_path)
    before = plan_of(tmp_path, {**MAPPING, "metrics": "all"}, Protocol())
    measured(before, store)
    after = plan_of(tmp_path, {**MAPPING, "metrics": "all"}, Protocol(lattice=401))
    assert keys(after) == keys(before)
    assert all(new.code != old.code for new, old in zip(after.run.metrics, before.run.metrics, strict=True))
    assert [trial.reason for trial in after.trials] == [
        f"trained; to measure: {', '.join(cell.name for cell in after.run.metrics)}"
    ]
    same = plan_of(tmp_path, {**MAPPING, "metrics": "all"}, Protocol())
    assert [trial.state for trial in same.trials] == [TrialState.CACHED], "the wrong twin: nothing else has changed"


# --- the record ------------------------------------------------------------------------------------------------------


def test_the_record_says_what_the_run_is_judged_by(plan: Plans) -> None:
    made = plan(edited("[8gaussians]", "[boltzmann, 8gaussians]"), seeds=1)
    assert made.run.tracks == (PLANE, BINARY), "in the order of the catalog"
    assert {view.dataset: view.track for view in made.run.trials} == {"8gaussians": "plane", "boltzmann": "binary"}
    assert [cell.name for cell in made.run.metrics] == ["skill", "kl"]
    assert made.run.run_id.endswith(f"-{made.run.plan_id}")
    assert made.run.full
    assert made.run.trials == tuple(trial.view for trial in made.trials)


@pytest.mark.long
def test_trials_are_found_by_their_state(plan: Plans, tmp_path: Path) -> None:
    measured(plan(keyword="nce"), Store(tmp_path / "results"))
    made = plan()
    assert names_of(made, TrialState.CACHED) == ["nce/8gaussians/0/cpu", "nce/8gaussians/1/cpu"]
    assert names_of(made, TrialState.TO_RUN) == ["gmm/8gaussians/0/cpu", "gmm/8gaussians/1/cpu"]
    assert names_of(made, TrialState.FAILED) == names_of(made, TrialState.SKIPPED) == []


def names_of(plan: Plan, state: TrialState) -> list[str]:
    return [trial.view.name for trial in plan.of(state)]


# --- -k --------------------------------------------------------------------------------------------------------------

ALL = [f"{method}/8gaussians/{seed}/cpu" for seed in (0, 1) for method in ("nce", "gmm")]


@pytest.mark.long
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


def test_k_of_a_method_that_the_suite_leaves_out_says_how_to_run_it(plan: Plans) -> None:
    with pytest.raises(UsageError, match=r"no trial has such a name.*--set 'methods=\[pcd\]' runs it"):
        plan(keyword="pcd")
    with pytest.raises(UsageError, match=r"no trial has such a name$"):
        plan(keyword="pcdd")


@pytest.mark.long
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


@pytest.mark.long
@pytest.mark.parametrize("change", SAME)
def test_a_key_does_not_depend_on(plan: Plans, change: str) -> None:
    before = keys(plan())["nce/8gaussians/0/cpu"]
    assert before in {trial.view.key for trial in plan(**SAME[change]).trials}


@pytest.mark.long
@pytest.mark.parametrize("change", OTHER)
def test_a_key_depends_on(plan: Plans, change: str) -> None:
    before = set(keys(plan()).values())
    after = [trial.view.key for trial in plan(**OTHER[change]).trials if trial.view.method == "nce"]
    assert after
    assert not before & set(after)


def test_all_cells_have_keys_of_their_own(plan: Plans) -> None:
    made = plan(edited("[8gaussians]", "[8gaussians, moons]"))
    assert len({trial.view.key for trial in made.trials}) == len(made.trials) == 8


@pytest.mark.long
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


@pytest.mark.long
def test_code_counts_and_its_words_do_not(plan: Plans, tmp_path: Path) -> None:
    text = METHOD_PLUGIN.replace("SUPPORTS", "return None")
    key = key_of_mine(plan, tmp_path / "mine.py", text)
    assert key_of_mine(plan, tmp_path / "mine.py", text + "\n\n# a remark\n") == key
    assert key_of_mine(plan, tmp_path / "mine.py", edited("F = |y|^2.", "Other words.", text)) == key
    assert key_of_mine(plan, tmp_path / "mine.py", edited("SCALE = 1.0", "SCALE  =  1.0", text)) == key
    assert key_of_mine(plan, tmp_path / "renamed.py", text) == key, "nor does the file's name"
    assert key_of_mine(plan, tmp_path / "mine.py", edited("SCALE = 1.0", "SCALE = 2.0", text)) != key


@pytest.mark.long
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
