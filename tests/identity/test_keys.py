"""Keys: an edit changes those of the trials and metrics whose numbers it may change, and no other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from ebmbench.catalog.loading import load_catalog
from ebmbench.contracts.records import EnergyKind, NetConfig, Protocol, Record
from ebmbench.identity.canonical import canonical, sha256
from ebmbench.identity.closure import TRAINING, Closure, closure_of
from ebmbench.identity.keys import KEY_LENGTH, SCHEMA, Component, key_of, metric_code, trial_code, trial_identity
from ebmbench.suite.schema import Budget, DataRegime, DeviceProfile
from tests.sources import Sources, single_file

MOONS = Component("ebmbench.datasets.plane:Moons", {"sigma": 0.1})
CATALOG = load_catalog()
SILENT_ROOMS = (
    "api", "analysis", "catalog", "cli", "errors", "execution", "identity", "observers", "planning", "report",
    "results", "session", "store", "suite", "contracts.records",
)  # fmt: skip
"""Rooms of which no module makes a number."""


def settings(**changed: Record) -> dict[str, Record]:
    """What a suite says of all its trials."""
    return {
        "data": DataRegime(),
        "net": NetConfig(),
        "budget": Budget(steps=5),
        "device": DeviceProfile(),
        **changed,
    }


def identity(target: str = "ebmbench_plugins.c2_chosen_points.nce:NCE", **changed: Any) -> dict[str, Any]:
    """That of a trial."""
    method = Component(target, changed.pop("params", {"lr": 1e-3}), changed.pop("kind", EnergyKind.NORMALIZED))
    return trial_identity(method, changed.pop("dataset", MOONS), settings(**changed))


def names(closure: Closure) -> set[str]:
    """Its modules."""
    return {name for name, _ in closure.modules}


# --- the closure of a trial -------------------------------------------------------------------------------------------


def test_a_trial_is_made_of_method_dataset_and_harness() -> None:
    found = names(trial_code("ebmbench_plugins.c2_chosen_points.nce:NCE", MOONS.target))
    assert {
        "ebmbench_plugins.c2_chosen_points.nce",
        "ebmbench.datasets.plane",
        "ebmbench.contracts.domain",
        "ebmbench.parts.nets",
        "ebmbench.training.loop",
        "ebmbench.training.seeding",
        "ebmbench.training.stream",
    } <= found
    assert not any("pcd" in name or "report" in name or "cli" in name for name in found)


@pytest.mark.long
@pytest.mark.parametrize("name", CATALOG.methods)
def test_a_trial_of_a_built_in_method_is_made_of_what_makes_numbers(name: str) -> None:
    found = names(trial_code(CATALOG.methods[name].target, MOONS.target))
    assert {f"ebmbench.training.{module}" for module in TRAINING} <= found
    assert {"ebmbench.training.components", "ebmbench.training.counting", "ebmbench.training.milestones"} <= found
    assert not [module for module in found if is_in(module, SILENT_ROOMS)]
    assert not [module for module in found if is_in(module, ("metrics", "truth"))], "how it is measured is no part"


@pytest.mark.parametrize("name", CATALOG.datasets)
def test_a_trial_on_a_built_in_dataset_is_made_of_what_makes_numbers(name: str) -> None:
    found = names(trial_code(CATALOG.methods["nce"].target, CATALOG.datasets[name].target))
    assert CATALOG.datasets[name].target.partition(":")[0] in found
    assert not [module for module in found if is_in(module, SILENT_ROOMS)]


@pytest.mark.parametrize("name", CATALOG.metrics)
def test_a_built_in_metric_is_made_of_what_makes_numbers(name: str) -> None:
    """And of how surfaces are measured; not of any method."""
    module = CATALOG.metrics[name].target.partition(":")[0]
    found = names(closure_of(module, "ebmbench.metrics.evaluate", "ebmbench.training.measuring"))
    assert {module, "ebmbench.truth.normalizer", "ebmbench.metrics.context"} <= found
    assert not [other for other in found if is_in(other, SILENT_ROOMS) or other.startswith("ebmbench_plugins")]


def is_in(module: str, rooms: tuple[str, ...]) -> bool:
    """Whether a module is one of the rooms, or stands in one."""
    return any(module == f"ebmbench.{room}" or module.startswith(f"ebmbench.{room}.") for room in rooms)


def test_two_single_files_count_both(single_files: Path) -> None:
    """A method from one file on a dataset from another: a change of either is another trial."""
    dataset = single_file(single_files, "data", "D = 0\n")
    seen = {trial_code(f"{single_file(single_files, 'mine', f'X = {k}')}:X", f"{dataset}:D").digest for k in range(4)}
    method = single_file(single_files, "mine", "X = 0\n")
    seen |= {trial_code(f"{method}:X", f"{single_file(single_files, 'data', f'D = {k}')}:D").digest for k in (1, 2, 3)}
    assert len(seen) == 7


# --- identities -------------------------------------------------------------------------------------------------------


def test_a_key_is_the_hash_of_the_canonical_identity() -> None:
    found = identity()
    assert key_of(found) == sha256(canonical(found))[:KEY_LENGTH]
    assert len(key_of(found)) == 16
    assert key_of({**found, "seed": 0}) != key_of({**found, "seed": 1})
    assert key_of(dict(reversed(found.items()))) == key_of(found)


def test_an_identity_says_all_that_numbers_depend_on() -> None:
    found = identity()
    assert list(found) == ["schema", "method", "dataset", "data", "net", "budget", "device", "code"]
    assert found["schema"] == SCHEMA
    target = "ebmbench_plugins.c2_chosen_points.nce:NCE"
    assert found["method"] == {"target": target, "params": {"lr": 1e-3}, "kind": "normalized"}
    assert found["dataset"] == {"target": MOONS.target, "params": {"sigma": 0.1}}
    assert found["budget"] == {"steps": 5}, "what is not said is left out"
    assert found["code"] == trial_code(target, MOONS.target).as_json()


CHANGES: dict[str, dict[str, Any]] = {
    "parameter": {"params": {"lr": 2e-3}},
    "parameter of another type": {"params": {"lr": "0.001"}},
    "kind": {"kind": EnergyKind.DENSITY},
    "dataset": {"dataset": Component("ebmbench.datasets.plane:Rings", {})},
    "dataset's parameter": {"dataset": Component(MOONS.target, {"sigma": 0.2})},
    "class": {"target": "ebmbench_plugins.c2_chosen_points.nce:Other"},
    "module": {"target": "ebmbench_plugins.c2_chosen_points.cnce:CNCE"},
    "data": {"data": DataRegime(set=100)},
    "net": {"net": NetConfig(width=64)},
    "budget": {"budget": Budget(steps=6)},
    "another budget": {"budget": Budget(passes=5)},
    "threads": {"device": DeviceProfile(threads=2)},
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_key_depends_on(change: str) -> None:
    assert key_of(identity(**CHANGES[change])) != key_of(identity())


def test_a_single_file_is_named_by_its_code_alone(single_files: Path) -> None:
    """Comments and the file's name change no identity."""
    first = identity(f"{single_file(single_files, 'mine', 'X = 1')}:X")
    assert first["method"]["target"] == "file:X"
    assert identity(f"{single_file(single_files, 'other', 'X = 1  # the same')}:X") == first
    assert identity(f"{single_file(single_files, 'mine', 'X = 2')}:X") != first


# --- edits ------------------------------------------------------------------------------------------------------------

PLUGIN = """
from ebmbench.api import Method


class Mine(Method):
    def build(self, problem):
        return problem.energy_net()
"""
BARE = PLUGIN.replace("problem.energy_net()", "None")


@cache
def metrics() -> tuple[str, ...]:
    """The targets of all metrics."""
    return tuple({entry.target: None for entry in CATALOG.metrics.values()})


def metric_codes(protocol: Protocol | None = None) -> dict[str, str]:
    """The key of each metric, by its target."""
    return {target: metric_code(target, protocol or Protocol()) for target in metrics()}


def trial_codes(extra: Mapping[str, str]) -> dict[str, str]:
    """The hash of the code of a trial of each method, and of those of single files, by the method's name."""
    targets = {**{name: entry.target for name, entry in CATALOG.methods.items()}, **extra}
    return {name: trial_code(target, MOONS.target).digest for name, target in targets.items()}


class Keys:
    """All keys before an edit, and which of them it changes."""

    def __init__(self, sources: Sources, files: Mapping[str, str]) -> None:
        self.sources, self.files = sources, files
        self.trials, self.metrics = trial_codes(files), metric_codes()

    def changed(self) -> tuple[set[str], set[str]]:
        """The methods of which all trials are others now, and the metrics that are."""
        trials, metrics = trial_codes(self.files), metric_codes()
        return (
            {name for name, code in trials.items() if code != self.trials[name]},
            {target for target, code in metrics.items() if code != self.metrics[target]},
        )


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Keys]:
    """Of all built-in methods and metrics, and of two single files: one takes the net of its problem."""
    folder = tmp_path_factory.mktemp("keys")
    with pytest.MonkeyPatch.context() as monkeypatch:
        sources = Sources(folder / "edits", monkeypatch)
        files = {name: f"{single_file(folder, name, text)}:Mine" for name, text in (("mine", PLUGIN), ("bare", BARE))}
        yield Keys(sources, files)
        sources.restore()


@pytest.fixture
def sources(keys: Keys) -> Iterator[Sources]:
    """Edits that are taken back."""
    yield keys.sources
    keys.sources.restore()


ALL = {*CATALOG.methods, "mine", "bare"}


@pytest.mark.long
@pytest.mark.parametrize(
    "module",
    [
        "ebmbench.errors",
        "ebmbench.api",
        "ebmbench.session",
        "ebmbench.report.markdown",
        "ebmbench.report.figures.surfaces",
        "ebmbench.report.text",
        "ebmbench.observers.mlflow",
        "ebmbench.observers.progress",
        "ebmbench.execution.local",
        "ebmbench.execution.inline",
        "ebmbench.execution.preload",
        "ebmbench.execution.supervisor",
        "ebmbench.analysis.leaderboard",
        "ebmbench.catalog.loading",
        "ebmbench.catalog.targets",
        "ebmbench.identity.closure",
        "ebmbench.planning.plan",
        "ebmbench.store.folders",
        "ebmbench.store.records",
        "ebmbench.suite.schema",
        "ebmbench.suite.loading",
        "ebmbench.contracts.records",
        "ebmbench.datasets.files",
        "ebmbench.training.worker",
        "ebmbench.training.snapshots",
        "ebmbench.training.clocks",
        "ebmbench.training.machine",
        "ebmbench_plugins.c2_chosen_points",
    ],
)
def test_an_edit_of_what_makes_no_number_changes_no_key(keys: Keys, sources: Sources, module: str) -> None:
    sources.edit(module)
    assert keys.changed() == (set(), set())


@pytest.mark.parametrize(
    ("module", "old", "new"),
    [
        ("ebmbench.training.components", '"""', '"""More words. '),
        ("ebmbench.parts.nets", '"""', '"""More words. '),
        ("ebmbench_plugins.c2_chosen_points.nce", '"""', '"""More words. '),
        ("ebmbench.metrics.surface", "\n\n\n", "\n\n\n# words alone\n\n\n"),
        ("ebmbench.truth.normalizer", "\n\n\n", "\n\n\n\n\n\n"),
    ],
)
def test_an_edit_of_words_changes_no_key(keys: Keys, sources: Sources, module: str, old: str, new: str) -> None:
    """Docstrings, comments, blank lines."""
    text = sources.text(module)
    sources.write(module, text.replace(old, new, 1))
    assert sources.text(module) != text
    assert keys.changed() == (set(), set())


EVERY_TRIAL = {
    "the moments": ("components", "rows.mean(0)", "rows.median(0).values"),
    "the marks of the milestones": ("milestones", "OCTAVES = 6", "OCTAVES = 5"),
    "what a pass is": ("counting", "return 2 * (", "return 3 * ("),
    "when work is counted": ("counting", "WINDOW = 10", "WINDOW = 12"),
    "how seeds are made": ("seeding", "digest()[:7]", "digest()[:6]"),
}


@pytest.mark.parametrize("edit", EVERY_TRIAL)
def test_an_edit_of_the_harness_changes_the_keys_of_all_trials(keys: Keys, sources: Sources, edit: str) -> None:
    module, old, new = EVERY_TRIAL[edit]
    sources.replace(f"ebmbench.training.{module}", old, new)
    assert keys.changed()[0] == ALL


@pytest.mark.parametrize("module", TRAINING)
def test_any_edit_of_what_trains_changes_the_keys_of_all_trials(keys: Keys, sources: Sources, module: str) -> None:
    sources.edit(f"ebmbench.training.{module}")
    assert keys.changed()[0] == ALL


@pytest.mark.parametrize(
    "module",
    ["metrics.evaluate", "metrics.context", "truth.normalizer", "truth.truth", "training.measuring"],
)
def test_an_edit_of_how_surfaces_are_measured_changes_all_metrics_and_no_trial(
    keys: Keys, sources: Sources, module: str
) -> None:
    sources.edit(f"ebmbench.{module}")
    assert keys.changed() == (set(), set(metrics()))


def test_an_edit_of_one_metric_changes_those_of_its_module(keys: Keys, sources: Sources) -> None:
    sources.edit("ebmbench.metrics.landscape")
    assert keys.changed() == (
        set(),
        {target for target in metrics() if target.startswith("ebmbench.metrics.landscape")},
    )


def test_an_edit_of_what_one_metric_alone_is_made_of_changes_it_alone(keys: Keys, sources: Sources) -> None:
    module = "ebmbench.metrics.landscape"
    sources.edit(module, "\n\nclass Another:\n    pass\n")
    assert keys.changed() == (set(), set()), "nothing that is measured mentions it"
    sources.restore()
    sources.replace(
        module, "return float(np.median(ours[held] / truth[held]))", "return float(np.mean(ours[held] / truth[held]))"
    )
    assert keys.changed() == (set(), {f"{module}:barrier_ratio"})


@pytest.mark.parametrize("change", [{"lattice": 401}, {"milestone_lattice": 201}, {"samples": 5001}, {"seed": "other"}])
def test_another_protocol_is_another_key_of_every_metric(change: dict[str, Any]) -> None:
    """And of no trial: ``trial_identity`` is not told of it, and the record itself is in no closure."""
    before, after = metric_codes(), metric_codes(Protocol(**change))
    assert all(before[target] != after[target] for target in metrics())
    assert "protocol" not in identity()


def test_another_default_of_the_protocol_is_seen_by_its_value(
    keys: Keys, sources: Sources, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An edit of its source alone would change no key: what is said of the lattice's side is a value in the key."""
    sources.replace("ebmbench.contracts.records", "lattice: int = Field(400", "lattice: int = Field(401")
    assert keys.changed() == (set(), set())
    monkeypatch.setattr(Protocol.model_fields["lattice"], "default", 401)
    Protocol.model_rebuild(force=True)
    try:
        assert Protocol().lattice == 401, "as a process sees it that starts after the edit"
        assert keys.changed() == (set(), set(metrics()))
    finally:
        monkeypatch.undo()
        Protocol.model_rebuild(force=True)


WITHOUT_NETS = ("kmeans", "gmm", "pca", "ppca", "ica", "bare")
WITH_NETS = ("nce", "pcd", "dsm", "sm_exact", "mle_grid", "cae", "dae", "vae", "gan_ratio", "untrained", "mine")


def test_an_edit_of_the_nets_changes_the_keys_of_what_uses_them(keys: Keys, sources: Sources) -> None:
    """Of a single file too that only says ``problem.energy_net()``; not of what has no net."""
    sources.edit("ebmbench.parts.nets")
    trials, _ = keys.changed()
    assert trials.issuperset(WITH_NETS)
    assert not trials.intersection(WITHOUT_NETS)


def test_an_edit_of_the_shared_noise_changes_the_keys_of_what_uses_it(keys: Keys, sources: Sources) -> None:
    """Wherever its covariance is computed."""
    formula = "scale * problem.cov"
    module = next(m for m in ("ebmbench.parts.noise", "ebmbench.parts.shared") if formula in sources.text(m))
    sources.replace(module, formula, "2 * scale * problem.cov")
    trials, _ = keys.changed()
    assert {"nce", "rank_nce", "pcd"} <= trials
    assert not trials.intersection(WITHOUT_NETS)


LOSSES = {
    "c2_chosen_points.nce": {"nce"},
    "c2_chosen_points.margin": {"margin"},
    "a4_score_matching.dsm": {"dsm"},
    "a4_score_matching.ssm": {"ssm", "ssm_vr"},
    "a4_score_matching.sm_exact": {"sm_exact"},
    "c1_maximum_likelihood.mle_grid": {"mle_grid"},
    "a1_bounded_volume.gmm": {"gmm"},
    "a2_regularized_code.vae": {"vae"},
    "a3_contraction.cae": {"cae", "cae_hutchinson"},
    "c3_denoising.dae": {"dae", "dae_plain", "dae_single"},
}


@pytest.mark.parametrize("module", LOSSES)
def test_an_edit_of_one_loss_changes_the_keys_of_its_methods_alone(keys: Keys, sources: Sources, module: str) -> None:
    """A class may stand in the catalog under several names."""
    sources.edit(f"ebmbench_plugins.{module}")
    assert keys.changed() == (LOSSES[module], set())


def test_an_edit_of_a_shared_part_changes_the_keys_of_what_is_made_of_it(keys: Keys, sources: Sources) -> None:
    sources.edit("ebmbench_plugins.a1_bounded_volume.kmeans")
    assert keys.changed() == ({"kmeans", "kmeans_free", "kmeans_sgd"}, set())
    sources.restore()
    sources.edit("ebmbench.parts.latent")
    assert {"kmeans", "kmeans_sgd", "vqvae"} <= keys.changed()[0]
    assert "nce" not in keys.changed()[0]


def test_an_edit_of_a_dataset_changes_the_keys_of_the_trials_on_it(keys: Keys, sources: Sources) -> None:
    sources.edit("ebmbench.datasets.plane")
    assert keys.changed()[0] == ALL
    sources.restore()
    sources.edit("ebmbench.datasets.plane", "\n\nclass Another:\n    pass\n")
    assert keys.changed()[0] == set(), "another dataset in the same file"
    sources.restore()
    sources.edit("ebmbench.datasets.binary")
    assert keys.changed()[0] == set(), "there are no trials on it here"
