"""From names in a suite to components: defaults filled in, and whatever is wrong said at its place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ebmbench.catalog.catalog import CatalogEntry
from ebmbench.catalog.loading import load_catalog
from ebmbench.contracts.records import Column, EnergyKind, MetricSpec, Track
from ebmbench.errors import SuiteError, UsageError
from ebmbench.metrics.tracks import BINARY, PLANE, USER_DATA
from ebmbench.planning.resolving import Resolver
from ebmbench.store.folders import Store
from ebmbench.suite.loading import read_suite
from tests.plans import DATASET_PLUGIN, METHOD_PLUGIN, SUITE, Plans, edited, keys

# --- what is found ---------------------------------------------------------------------------------------------------


@pytest.mark.long
def test_defaults_are_part_of_a_trial(plan: Plans) -> None:
    """A default spelled out is the same trial; a preset of the catalog is filled in."""
    plain = keys(plan())["nce/8gaussians/0/cpu"]
    assert keys(plan(edited("- nce", "- {name: nce, noise_ratio: 4}")))["nce/8gaussians/0/cpu"] == plain
    assert plan().trials[0].spec.method.params["lr"] == 2e-3


@pytest.mark.parametrize("metric", ["nll", "kl", "nll_validatoin"])
def test_choices_are_made_on_validation_data_only(plan: Plans, metric: str) -> None:
    """A test metric, or the truth, must never choose a hyper-parameter."""
    text = edited("components: 4}", f"grid: {{components: [2, 3]}}, select: {metric}}}")
    with pytest.raises(SuiteError, match="validation data only"):
        plan(text)


@pytest.mark.parametrize("component_type", ["methods", "datasets"])
def test_two_rows_of_one_name_are_an_error(plan: Plans, component_type: str) -> None:
    text = (
        edited("- nce", "- nce\n  - nce") if component_type == "methods" else edited("[8gaussians]", "[moons, moons]")
    )
    place = "6:5" if component_type == "methods" else "2:19"
    with pytest.raises(
        SuiteError, match=rf"tiny\.yaml:{place}: two {component_type} are called '(nce|moons)'; .*label"
    ):
        plan(text)


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


@pytest.mark.long
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


@pytest.mark.parametrize("target", ["no_such_function", "Bowl", "SCALE"])
def test_a_target_that_is_no_method_is_a_clear_error(plan: Plans, single_files: Path, target: str) -> None:
    plugin = single_files / "wrong.py"
    text = METHOD_PLUGIN.replace("SUPPORTS", "return None")
    plugin.write_text(text.replace('"mine", Mine,', f'"mine", __name__ + ":{target}",'))
    with pytest.raises(UsageError, match=r"wrong\.py"):
        plan(edited("- nce", "- mine"), plugins=(str(plugin),))


def test_a_plugin_is_kept_with_the_results(plan: Plans, single_files: Path) -> None:
    """So that a stored model can be rebuilt when the file is gone or edited."""
    text = METHOD_PLUGIN.replace("SUPPORTS", "return None")
    plugin = single_files / "mine.py"
    plugin.write_text(text)
    made = plan(edited("- nce", "- mine"), plugins=(str(plugin),), keyword="mine")
    file = made.trials[0].spec.method.file
    assert file is not None
    assert (single_files / "results" / file).read_text() == text


def resolver_of(store: Path, **changes: Any) -> Resolver:
    """Of a suite in memory."""
    document = {"name": "tiny", "datasets": ["8gaussians"], "methods": ["nce"], "budget": {"steps": 5}, **changes}
    suite, source = read_suite(document)
    return Resolver(suite, source, load_catalog(), Store(store))


def test_each_point_of_a_grid_is_a_component(tmp_path: Path) -> None:
    """With the fields of the entry, the presets of the catalog below them, and the defaults below those."""
    grid = {"components": [2, 3], "regularization": [0.1]}
    resolver = resolver_of(tmp_path, methods=["ssm_vr", {"name": "gmm", "tolerance": 0.5, "grid": grid}])
    preset, first, second = resolver.components("methods")
    assert preset.params == resolver.catalog.methods["ssm_vr"].load()(**preset.offer.spec.params).model_dump(
        mode="json"
    )
    assert preset.offer.spec.params, "there is something to fill in"
    assert [c.grid_point for c in (preset, first, second)] == [
        "",
        "components=2,regularization=0.1",
        "components=3,regularization=0.1",
    ]
    assert (first.params["components"], first.params["tolerance"]) == (2, 0.5)
    assert second.cell == {
        "name": "gmm",
        "target": "ebmbench_plugins.a1_bounded_volume.gmm:GMM",
        "owner": "ebmbench:a1_bounded_volume",
        "file": None,
        "params": second.params,
    }
    assert second.identity.kind is second.offer.spec.kind


# --- metrics and tracks ----------------------------------------------------------------------------------------------


def test_a_set_of_metrics_is_called_by_its_name(tmp_path: Path) -> None:
    catalog = load_catalog()
    core, every = (resolver_of(tmp_path, metrics=name).metrics([PLANE]) for name in ("core", "all"))
    assert [cell.name for cell in every] == list(catalog.metrics)
    assert [cell.name for cell in core] == [name for name, e in catalog.metrics.items() if e.spec.in_core]
    assert len(core) < len(every)


@pytest.mark.parametrize(
    ("tracks", "asked", "measured"),
    [
        ((PLANE,), ["tv"], ["skill", "kl", "tv"]),
        ((PLANE,), ["tv", "kl"], ["skill", "kl", "tv"]),
        ((USER_DATA,), ["tv"], ["nll", "tv"]),
        ((BINARY, USER_DATA), [], ["skill", "kl", "nll"]),
    ],
)
def test_what_a_track_cannot_do_without_is_always_measured(
    tmp_path: Path, tracks: tuple[Track, ...], asked: list[str], measured: list[str]
) -> None:
    """What ranks, and what is timed; each once."""
    assert [cell.name for cell in resolver_of(tmp_path, metrics=asked).metrics(tracks)] == measured


def test_a_metric_is_all_that_the_catalog_says_of_it(tmp_path: Path) -> None:
    resolver = resolver_of(tmp_path, metrics=["auroc"])
    cell = next(cell for cell in resolver.metrics([PLANE]) if cell.name == "auroc")
    spec: MetricSpec = resolver.catalog.metrics["auroc"].spec
    assert (cell.kinds, cell.variants, cell.summary) == (tuple(sorted(spec.kinds)), spec.variants, spec.summary)


def test_the_track_of_a_dataset_is_the_one_that_it_names(tmp_path: Path) -> None:
    resolver = resolver_of(tmp_path, datasets=["boltzmann", "8gaussians", "moons"])
    tracks = [resolver.track(dataset) for dataset in resolver.components("datasets")]
    assert tracks == [BINARY, PLANE, PLANE]
    assert resolver.in_order(tracks) == (PLANE, BINARY)


def test_a_track_of_a_plugins_own_is_resolved_and_what_it_needs_is_measured(tmp_path: Path) -> None:
    resolver = resolver_of(tmp_path)
    column = Column("volume", "volume_beta")
    mine = Track("mine", "made up", (column,), "down", None, (), (), column)
    spec = MetricSpec("volume", "m:f", "made up", "", "down", frozenset(EnergyKind), variants=("raw", "beta"))
    resolver.catalog.add("tracks", CatalogEntry(mine, "somebody"))
    resolver.catalog.add("metrics", CatalogEntry(spec, "somebody"))
    assert "volume" in [cell.name for cell in resolver_with(resolver, ["tv"]).metrics([mine])]
    assert "volume" not in [cell.name for cell in resolver_with(resolver, ["tv"]).metrics([PLANE])]


def resolver_with(resolver: Resolver, metrics: list[str]) -> Resolver:
    """The same with other metrics asked for."""
    suite = resolver.suite.model_copy(update={"metrics": tuple(metrics)})
    return Resolver(suite, resolver.source, resolver.catalog, resolver.store)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("return 'plan'", "blob: unknown track 'plan'; did you mean 'plane'?"),
        ("raise RuntimeError('no luck')", "blob: RuntimeError: no luck"),
    ],
)
def test_a_track_that_cannot_be_had_is_an_error_at_the_dataset(
    plan: Plans, single_files: Path, body: str, says: str
) -> None:
    text = DATASET_PLUGIN.replace(
        "    def sample", f"    @property\n    def track(self):\n        {body}\n\n    def sample"
    )
    (single_files / "data.py").write_text(text)
    with pytest.raises(SuiteError) as caught:
        plan(edited("[8gaussians]", "[blob]"), plugins=(str(single_files / "data.py"),))
    assert f"tiny.yaml:2:12: {says}" in str(caught.value)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("raise RuntimeError('no luck')", "mine: RuntimeError: no luck"),
        ("raise ValueError('too wide')", "mine: too wide"),
        ("self.__dict__['level'] = float('nan')", "mine: ValueError: "),
    ],
)
def test_whatever_a_plugins_own_check_raises_is_said_at_its_place(
    plan: Plans, single_files: Path, body: str, says: str
) -> None:
    check = f"    def model_post_init(self, context):\n        {body}\n\n    def supports"
    text = METHOD_PLUGIN.replace("    def supports", check).replace('text: str = ""', "level: float = 1.0")
    (single_files / "mine.py").write_text(text.replace("SUPPORTS", "pass"))
    with pytest.raises(SuiteError) as caught:
        plan(edited("- nce", "- mine"), plugins=(str(single_files / "mine.py"),))
    assert f"tiny.yaml:5:5: {says}" in str(caught.value)
