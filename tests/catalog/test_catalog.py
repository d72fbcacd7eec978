"""The catalog by itself: what is found by its name, and what is said of a name that is not there or claimed twice."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ebmbench.catalog.catalog import Broken, Catalog, CatalogEntry
from ebmbench.catalog.loading import load_catalog
from ebmbench.contracts.method import Method
from ebmbench.contracts.records import DatasetSpec, EnergyKind, MethodSpec, MetricSpec, ReporterSpec, Strategy
from ebmbench.errors import UsageError
from ebmbench.metrics.tracks import BINARY, PLANE


def offer(name: str, owner: str, target: Any = "m:M") -> CatalogEntry[MethodSpec]:
    """A method of somebody's."""
    return CatalogEntry(MethodSpec(name, target, Strategy.C2, EnergyKind.DENSITY, "made up"), owner)


def claimed(*owners: str) -> Catalog:
    """A catalog to which each of them has brought a method ``mine``."""
    catalog = Catalog()
    for owner in owners:
        catalog.add("methods", offer("mine", owner))
    return catalog


def test_an_entry_is_found_by_its_type_and_name() -> None:
    catalog = Catalog()
    entries: dict[str, CatalogEntry[Any]] = {
        "methods": offer("same", "a"),
        "datasets": CatalogEntry(DatasetSpec("same", "d:D", "made up"), "b"),
        "metrics": CatalogEntry(MetricSpec("same", "f:f", "made up", "", "up", frozenset(EnergyKind)), "c"),
        "reporters": CatalogEntry(ReporterSpec("same", "r:r", "made up"), "d"),
        "tracks": CatalogEntry(PLANE, "e"),
    }
    for component_type, entry in entries.items():
        catalog.add(component_type, entry)
    assert not catalog.broken, "a name of another type is free"
    for component_type, entry in entries.items():
        assert catalog.find(component_type, entry.spec.name) is entry


def test_the_first_of_two_owners_is_not_preferred() -> None:
    catalog = claimed("first", "second")
    assert catalog.broken == [Broken("second", "method 'mine' is already offered by first: the second is refused")]
    with pytest.raises(UsageError) as caught:
        catalog.find("methods", "mine")
    message = "method 'mine' is claimed by first and second; rename one of them or leave its plugin out"
    assert str(caught.value) == message


def test_all_owners_are_named() -> None:
    with pytest.raises(UsageError, match="claimed by first and second and third;"):
        claimed("first", "second", "third").find("methods", "mine")


@pytest.mark.parametrize(
    ("component_type", "name", "said"),
    [
        ("methods", "mle_gird", "unknown method 'mle_gird'; did you mean 'mle_grid'?"),
        ("datasets", "8gausians", "unknown dataset '8gausians'; did you mean '8gaussians'?"),
        ("metrics", "zzz", "unknown metric 'zzz'; known: "),
        ("tracks", "plan", "unknown track 'plan'; did you mean 'plane'?"),
        ("reporters", "cvs", "unknown reporter 'cvs'; did you mean 'csv'?"),
    ],
)
def test_an_unknown_name_suggests_the_nearest(component_type: str, name: str, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        load_catalog().find(component_type, name)
    assert str(caught.value).startswith(said)
    assert component_type != "metrics" or ", auroc, " in str(caught.value)


def test_an_empty_catalog_suggests_nothing() -> None:
    with pytest.raises(UsageError) as caught:
        Catalog().find("methods", "nce")
    assert str(caught.value) == "unknown method 'nce'"


def test_the_target_of_an_entry_is_a_name_whichever_way_it_was_given() -> None:
    """A class stands for itself; a track has none."""
    assert offer("mine", "a", "some.where:Mine").target == "some.where:Mine"
    by_class = offer("mine", "a", Method)
    assert by_class.target == "ebmbench.contracts.method:Method"
    assert by_class.load() is Method
    assert CatalogEntry(BINARY, "a").target == ""


def test_a_target_that_is_not_there_is_one_sentence_with_its_owner() -> None:
    with pytest.raises(UsageError, match=r"no\.such:Mine of somebody cannot be imported: ModuleNotFoundError"):
        offer("mine", "somebody", "no.such:Mine").load()


def test_the_file_of_an_entry_is_remembered(tmp_path: Path) -> None:
    assert CatalogEntry(PLANE, "a", tmp_path / "mine.py").file == tmp_path / "mine.py"
    assert CatalogEntry(PLANE, "a").file is None


# --- packages that a method needs -------------------------------------------------------------------------------------


def needing(target: str, **needs: str) -> CatalogEntry[MethodSpec]:
    """A method that needs packages."""
    return CatalogEntry(MethodSpec("mine", target, Strategy.C2, EnergyKind.DENSITY, "made up", needs=needs), "a")


def test_what_is_not_installed_is_named_with_what_installs_it() -> None:
    assert needing("m:M").missing == ""
    assert needing("m:M", torch="mine[net]").missing == "", "it is there"
    assert needing("m:M", torch="mine[net]", no_such="mine[a]").missing == (
        "no_such is not installed: pip install 'mine[a]'"
    )
    both = needing("m:M", no_such="mine[a]", nor_this="mine[a]", nor_that="that>=2")
    assert both.missing == "no_such and nor_this and nor_that are not installed: pip install 'mine[a]' 'that>=2'"
    assert CatalogEntry(DatasetSpec("same", "d:D", "made up"), "b").missing == ""


def test_a_method_that_does_not_import_for_want_of_a_package_says_which() -> None:
    with pytest.raises(UsageError) as caught:
        needing("no_such.module:M", no_such="mine[a]").load()
    assert str(caught.value) == "mine: no_such is not installed: pip install 'mine[a]'"
    with pytest.raises(UsageError, match=r"no_such\.module:M of a cannot be imported"):
        needing("no_such.module:M", torch="mine[a]").load()
