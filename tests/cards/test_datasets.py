"""The card of a dataset."""

from __future__ import annotations

import math

import pytest

from ebmbench.cards.datasets import DatasetCard, dataset_card
from ebmbench.catalog.catalog import CatalogEntry
from ebmbench.catalog.loading import load_catalog
from ebmbench.contracts.records import DatasetSpec
from ebmbench.errors import UsageError
from tests.factories import Normal, Regression

CATALOG = load_catalog()


def card(name: str) -> DatasetCard:
    return dataset_card(CATALOG.datasets[name])


@pytest.mark.parametrize(
    ("name", "track", "dim", "domain", "modes"),
    [
        ("moons", "plane", 2, "[-5, 5]^2", 2),
        ("funnel", "plane", 2, "[-7.5, 7.5] x [-24, 24]", 1),
        ("ising", "binary", 16, "{0, 1}^16, 65,536 states", 1),
    ],
)
def test_what_the_data_are(name: str, track: str, dim: int, domain: str, modes: int) -> None:
    found = card(name)
    assert (found.track, found.dim, found.domain, found.modes) == (track, dim, domain, modes)
    assert found.entropy is not None
    assert dict(found.facts())["entropy"] == f"{found.entropy:.4f} nats"


def test_of_a_bare_curve_neither_density_nor_entropy_is_known() -> None:
    found = card("pink_spiral_curve")
    assert (found.has_density, found.entropy, found.track) == (False, None, "user_data")
    facts = dict(found.facts())
    assert (facts["density"], facts["entropy"]) == ("not known: held-out rows alone", "not known")
    assert facts["manifold"] == "curves, the data stray by 0.05"


@pytest.mark.parametrize(
    ("name", "domain", "context", "modes", "manifold"),
    [
        ("two_branches", "[-2.2, 2.2]", "[-3, 3]", 2, "points, the data stray by 0.1"),
        ("gustafsson_2", "[-2, 2]", "[-3, 3]", 1, "points, the data stray by 0.075"),
        ("horn", "[-11.4336, 11.4336] x [-15.1281, 15.1281]", "[0, 1]", 1, "curves, the data stray by 0.05"),
    ],
)
def test_of_y_given_x_it_says_what_holds_at_the_middle(
    name: str, domain: str, context: str, modes: int, manifold: str
) -> None:
    found = card(name)
    facts = dict(found.facts())
    assert (facts["track"], facts["domain"], facts["context x"]) == ("conditional", domain, context)
    assert (found.modes, found.manifold) == (modes, manifold)
    assert facts["entropy"] == f"{found.entropy:.4f} nats, the mean over x"


def test_the_entropy_of_a_plugins_y_given_x_is_drawn() -> None:
    """log(2 pi e) of the plane, whatever x is."""
    found = dataset_card(CatalogEntry(DatasetSpec("mine", Regression, "a line"), "mine.py"))
    assert found.entropy == pytest.approx(math.log(2 * math.pi * math.e), abs=0.02)
    assert found.context == "[-1, 1]^2"


def plugged(**params: object) -> CatalogEntry[DatasetSpec]:
    return CatalogEntry(DatasetSpec("mine", Normal, "a normal", params=params), "mine.py")


def test_the_entropy_of_a_plugins_data_is_computed() -> None:
    """log(2 pi e s^2), of a normal of the plane."""
    assert dataset_card(plugged(scale=1.5)).entropy == pytest.approx(math.log(2 * math.pi * math.e * 2.25), abs=1e-4)


def test_a_name_of_ours_in_a_plugin_is_not_ours() -> None:
    entry = CatalogEntry(DatasetSpec("moons", Normal, "a normal"), "mine.py")
    assert dataset_card(entry).entropy == pytest.approx(math.log(2 * math.pi * math.e), abs=1e-4)


@pytest.mark.parametrize("params", [{"dim": 5}, {"hidden": True}])
def test_where_no_lattice_is_or_no_density_there_is_no_entropy(params: dict[str, object]) -> None:
    assert dataset_card(plugged(**params)).entropy is None


def test_data_that_cannot_be_made_are_a_clear_error() -> None:
    with pytest.raises(UsageError, match=r"dataset 'mine' of mine\.py cannot be made: ValidationError"):
        dataset_card(plugged(dim="many"))
