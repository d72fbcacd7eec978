"""A stored trial as it would be planned today: the same key if nothing changed, else why not, or why there is none."""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import Field

from ebmbench.catalog.catalog import Catalog, CatalogEntry
from ebmbench.catalog.loading import load_catalog
from ebmbench.contracts.method import Method
from ebmbench.contracts.records import EnergyKind, MethodSpec, MetricSpec, Protocol, Strategy
from ebmbench.identity.differences import differences
from ebmbench.identity.keys import key_of, metric_code
from ebmbench.planning.current_identity import CurrentIdentity, Obstacle, changed_metrics
from tests.planned import plan_of


class Mine(Method):
    """What a plugin of today offers."""

    width: int = Field(3, ge=1)
    level: float = 0.5


class Strict(Method):
    """Refuses all but one value, and says so in an exception of its own."""

    width: int = 3

    def model_post_init(self, context: Any) -> None:
        """As a plugin's validator."""
        if self.width != 3:
            raise RuntimeError("no luck")


class Needy(Method):
    """Has a field without a default."""

    width: int


@cache
def built_in() -> Catalog:
    """What is installed."""
    return load_catalog()


@pytest.fixture(scope="module")
def held(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the trial.json of nce holds; tests change a copy."""
    (planned,) = plan_of(tmp_path_factory.mktemp("held")).trials
    return planned.spec.model_dump(mode="json")


@pytest.fixture
def stored(held: dict[str, Any]) -> dict[str, Any]:
    """A copy of it."""
    return copy.deepcopy(held)


def catalog_of(cls: type[Method] | str, name: str = "mine", **facts: Any) -> Catalog:
    """The built-in catalog and one method more."""
    catalog = load_catalog()
    spec = MethodSpec(name, cls, Strategy.C2, facts.pop("kind", EnergyKind.DENSITY), "made up", **facts)
    catalog.add("methods", CatalogEntry(spec, "somebody"))
    return catalog


def as_mine(stored: dict[str, Any], catalog: Catalog, **params: Any) -> dict[str, Any]:
    """The stored trial as one of the method ``mine``, with the identity that it had when the catalog was this one."""
    entry = catalog.methods["mine"]
    stored["method"] |= {"name": "mine", "target": entry.target, "owner": entry.owner, "params": params}
    stored["method"] |= {"kind": str(entry.spec.kind)}
    stored["identity"]["method"] = {"target": entry.target, "params": params, "kind": str(entry.spec.kind)}
    return stored


def test_a_trial_of_today_has_the_key_that_it_was_planned_with(stored: dict[str, Any]) -> None:
    found = CurrentIdentity.of(stored, built_in())
    assert found.identity == stored["identity"]
    assert key_of(found.identity) == key_of(stored["identity"])
    assert found.remarks == ()


def test_the_parameters_are_those_that_it_had(stored: dict[str, Any]) -> None:
    """Not today's defaults, which are remarked on."""
    stored["method"]["params"]["noise_ratio"] = stored["identity"]["method"]["params"]["noise_ratio"] = 7
    found = CurrentIdentity.of(stored, built_in())
    assert found.identity == stored["identity"]
    assert found.remarks == ("method    noise_ratio is 7 here and 4 by default",)


def test_a_parameter_that_is_gone_and_one_that_is_new_make_another_key(stored: dict[str, Any]) -> None:
    catalog = catalog_of(Mine)
    found = CurrentIdentity.of(as_mine(stored, catalog, width=3, depth=2), catalog)
    told = [line for line in differences(stored["identity"], found.identity) if line.startswith("method")]
    assert told == ["method    depth 2, now gone", "method    level is new: 0.5"]


def test_a_preset_of_the_catalog_is_the_default_that_is_remarked_on(stored: dict[str, Any]) -> None:
    catalog = catalog_of(Mine, params={"width": 8})
    found = CurrentIdentity.of(as_mine(stored, catalog, width=3, level=0.5), catalog)
    assert found.remarks == ("method    width is 3 here and 8 by default",)


def test_another_kind_of_energy_is_another_key(stored: dict[str, Any]) -> None:
    held = as_mine(stored, catalog_of(Mine), width=3, level=0.5)
    found = CurrentIdentity.of(held, catalog_of(Mine, kind=EnergyKind.RANKING))
    assert "kind      density, now ranking" in differences(held["identity"], found.identity)


def test_a_field_without_a_default_is_not_remarked_on(stored: dict[str, Any]) -> None:
    catalog = catalog_of(Needy)
    assert CurrentIdentity.of(as_mine(stored, catalog, width=5), catalog).remarks == ()


def test_settings_of_today_are_filled_in_and_those_of_yesterday_left_out(stored: dict[str, Any]) -> None:
    """A field that the suite's records have since, and one that they no longer have."""
    del stored["identity"]["data"]["set"]
    stored["identity"]["net"]["layers"] = 5
    found = CurrentIdentity.of(stored, built_in())
    assert differences(stored["identity"], found.identity) == [
        "data      set is new: 20000",
        "net       layers 5, now gone",
    ]


def test_the_schema_of_today_is_part_of_it(stored: dict[str, Any]) -> None:
    stored["identity"]["schema"] = 1
    found = CurrentIdentity.of(stored, built_in())
    assert differences(stored["identity"], found.identity) == ["schema    1, now 2"]


def test_code_that_changed_is_the_difference(stored: dict[str, Any]) -> None:
    stored["identity"]["code"]["modules"][0][1] = "another hash"
    name = stored["identity"]["code"]["modules"][0][0]
    found = CurrentIdentity.of(stored, built_in())
    assert differences(stored["identity"], found.identity) == [f"code      {name} changed"]


def test_rows_of_a_users_own_are_in_no_catalog(tmp_path: Path) -> None:
    np.save(tmp_path / "mine.npy", np.random.default_rng(0).normal(size=(100, 2)))
    suite = {
        "name": "tiny",
        "datasets": [{"file": str(tmp_path / "mine.npy")}],
        "methods": ["gmm"],
        "budget": {"steps": 5},
        "seeds": 1,
        "metrics": ["nll"],
    }
    (planned,) = plan_of(tmp_path / "results", suite).trials
    stored = planned.spec.model_dump(mode="json")
    assert CurrentIdentity.of(stored, built_in()).identity == stored["identity"]


# --- obstacles --------------------------------------------------------------------------------------------------------


def renamed(stored: dict[str, Any]) -> tuple[dict[str, Any], Catalog]:
    stored["method"]["name"] = "nec"
    return stored, built_in()


def of_a_file(stored: dict[str, Any]) -> tuple[dict[str, Any], Catalog]:
    stored["method"] |= {"name": "nec", "file": "plugins/m.py"}
    return stored, built_in()


def other_dataset(stored: dict[str, Any]) -> tuple[dict[str, Any], Catalog]:
    stored["dataset"]["name"] = "9gaussians"
    return stored, built_in()


def claimed(stored: dict[str, Any]) -> tuple[dict[str, Any], Catalog]:
    return stored, catalog_of(Mine, "nce")


def broken(stored: dict[str, Any]) -> tuple[dict[str, Any], Catalog]:
    return as_mine(stored, catalog_of(Mine)), catalog_of("no.such:Mine")


def function(stored: dict[str, Any]) -> tuple[dict[str, Any], Catalog]:
    return as_mine(stored, catalog_of(Mine)), catalog_of("os.path:join")


def refused(stored: dict[str, Any]) -> tuple[dict[str, Any], Catalog]:
    catalog = catalog_of(Mine)
    return as_mine(stored, catalog, width=0), catalog


def raising(stored: dict[str, Any]) -> tuple[dict[str, Any], Catalog]:
    catalog = catalog_of(Strict)
    return as_mine(stored, catalog, width=4), catalog


def budget(stored: dict[str, Any]) -> tuple[dict[str, Any], Catalog]:
    stored["identity"]["budget"] = {"steps": 5, "passes": 5}
    return stored, built_in()


def device(stored: dict[str, Any]) -> tuple[dict[str, Any], Catalog]:
    stored["identity"]["device"]["dtype"] = "float16"
    return stored, built_in()


OBSTACLES: dict[Callable[[dict[str, Any]], tuple[dict[str, Any], Catalog]], str] = {
    renamed: "no plugin offers method 'nec'; it was of ebmbench:c2_chosen_points, which does not offer it any more",
    of_a_file: "no plugin offers method 'nec'; it was of a single file: give that with -p, or its copy plugins/m.py",
    other_dataset: "no plugin offers dataset '9gaussians'",
    claimed: "method 'nce' is claimed by ebmbench:c2_chosen_points and somebody; rename one of them",
    broken: "no.such:Mine of somebody cannot be imported: ModuleNotFoundError",
    function: "method 'mine': os.path:join of somebody is no method any more",
    refused: "method 'mine' refuses what it had: width: Input should be greater than or equal to 1",
    raising: "method 'mine' refuses what it had: RuntimeError: no luck",
    budget: "budget of today refuses what it had: a budget names either passes or steps",
    device: "device of today refuses what it had: dtype: Input should be 'float32' or 'float64'",
}


@pytest.mark.parametrize("change", OBSTACLES, ids=lambda change: change.__name__)
def test_why_there_is_no_such_trial_today(
    stored: dict[str, Any], change: Callable[[dict[str, Any]], tuple[dict[str, Any], Catalog]]
) -> None:
    with pytest.raises(Obstacle) as caught:
        CurrentIdentity.of(*change(stored))
    assert str(caught.value).startswith(OBSTACLES[change])
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("missing", ["identity", "method", "dataset"])
@pytest.mark.parametrize("left", [None, [], "text", 3])
def test_what_is_not_of_todays_form_is_said_to_be_so(stored: dict[str, Any], missing: str, left: Any) -> None:
    stored[missing] = left
    with pytest.raises(Obstacle, match=r"trial\.json is not of today's form"):
        CurrentIdentity.of(stored, built_in())
    del stored[missing]
    with pytest.raises(Obstacle, match=r"trial\.json is not of today's form"):
        CurrentIdentity.of(stored, built_in())


# --- metrics ----------------------------------------------------------------------------------------------------------


def level(context: Any) -> float:
    """A metric of today."""
    return 2.0


def test_metrics_that_changed_or_are_gone_are_named() -> None:
    catalog = load_catalog()
    spec = MetricSpec("level", level, "a number", unit="", direction="up", kinds=frozenset(EnergyKind))
    catalog.add("metrics", CatalogEntry(spec, "somebody"))
    code = {name: metric_code(catalog.metrics[name].target, Protocol()) for name in ("kl", "level")}
    assert changed_metrics(code, catalog) == []
    assert changed_metrics({**code, "level": "another hash", "gone": "x"}, catalog) == [
        "metric    level changed: it is measured again, and nothing is trained",
        "metric    gone is of no plugin of today",
    ]
    other = {"kl": metric_code(catalog.metrics["kl"].target, Protocol(lattice=401))}
    assert len(changed_metrics(other, catalog)) == 1, "another protocol is another measurement"
