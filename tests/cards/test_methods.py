"""The card of a method."""

from __future__ import annotations

from pathlib import Path

import pytest

from ebmbench.cards.making import card_of
from ebmbench.cards.methods import MethodCard, measured
from ebmbench.catalog.catalog import Catalog
from ebmbench.catalog.loading import load_catalog
from ebmbench.contracts.records import EnergyKind
from ebmbench.errors import UsageError

CATALOG = load_catalog()


def card(name: str, catalog: Catalog = CATALOG) -> MethodCard:
    found = card_of(catalog.methods[name], catalog)
    assert isinstance(found, MethodCard)
    return found


def test_of_a_normalized_energy_all_is_measured_but_what_blurs() -> None:
    applies, excluded = measured(EnergyKind.NORMALIZED, CATALOG)
    assert {"kl", "kl_beta", "log_z_error", "auroc"} <= set(applies)
    assert [name for gap in excluded for name in gap.names] == ["kl_smoothed", "kl_smoothed_beta"]


def test_of_a_ranking_energy_no_scale_is_measured() -> None:
    applies, excluded = measured(EnergyKind.RANKING, CATALOG)
    assert {"skill", "kl_beta", "auroc"} <= set(applies)
    assert not {"kl", "fisher", "log_z_error"} & set(applies)
    assert {"kl", "fisher"} <= {name for gap in excluded if "scale" in gap.reason for name in gap.names}


@pytest.mark.parametrize(
    ("name", "tracks"),
    [
        ("nce", {"plane", "dimensions", "user_data", "conditional", "sequences"}),
        ("mpf", {"binary"}),
        ("masked_ae", {"plane", "dimensions", "user_data", "binary", "conditional", "sequences"}),
        ("kmeans", {"plane", "dimensions", "user_data"}),
        ("mdn", {"conditional", "sequences"}),
    ],
)
def test_the_tracks_are_those_of_the_data_that_it_does_not_refuse(name: str, tracks: set[str]) -> None:
    works = card(name).works
    assert set(works.tracks) == tracks
    refused = {dataset for gap in works.refused for dataset in gap.names}
    assert refused.isdisjoint(works.datasets)
    assert refused | set(works.datasets) == set(CATALOG.datasets)


def test_the_truth_is_not_known_of_a_bare_curve() -> None:
    (gap,) = [gap for gap in card("oracle").works.refused if "density" in gap.reason]
    assert (gap.names, gap.reason) == (("pink_spiral_curve",), "the true density of these data is not known")


def test_presets_are_its_defaults() -> None:
    def value(name: str) -> str:
        return next(p.default for p in card(name).about.parameters if p.name == "jumps")

    assert (value("cd_k"), value("cd_k_local")) == ("1", "0")


def test_what_it_says_in_lines_and_tables() -> None:
    facts = [f"{label}: {said}" for label, said in card("nce").facts()]
    assert "kind: normalized: F = -log p, exp(-F) integrates to one" in facts
    assert "tracks: plane, user_data, conditional, sequences, dimensions" in facts
    assert "a step: 256 rows, 212.3 Mflop, charged 3,190 passes (12.46 a row) on plane" in facts
    assert any(fact.startswith("reference: results/reference/seven, trained at commit ") for fact in facts)
    assert any("times the best KL" in fact for fact in facts)
    assert [table.heads[0] for table in card("nce").tables()] == ["name", "dataset"]


def test_a_ranking_energy_has_no_place_by_kl() -> None:
    table = list(card("kmeans").tables())[1]
    assert {row[2] for row in table.rows} == {"-"}
    assert all(row[1].endswith(" β") for row in table.rows)
    assert all(" of 45" in row[4] for row in table.rows)


MINE = """
from ebmbench.api import EnergyKind, Method, MethodSpec, Strategy, hookimpl
class Mine(Method):
    def supports(self, problem):
        {supports}
@hookimpl
def ebmbench_methods():
    yield MethodSpec("mine", Mine, Strategy.C2, EnergyKind.RANKING, "my own", ("Me 2026",))
"""


def plugged(folder: Path, supports: str) -> Catalog:
    path = folder / "mine.py"
    path.write_text(MINE.format(supports=supports))
    return load_catalog([path])


def test_a_plugin_has_a_card_without_what_nobody_measured(tmp_path: Path) -> None:
    catalog = plugged(tmp_path, "return 'never'")
    found = card("mine", catalog)
    assert (found.step, found.standings, found.works.datasets, found.about.formula) == ((), (), (), "")
    assert dict(found.facts())["tracks"] == "none at hand"
    assert found.about.source.file == tmp_path / "mine.py"
    assert found.about.source.target == "file:Mine"
    assert {"never", "works on continuous data only"} <= {gap.reason for gap in found.works.refused}


def test_a_method_that_fails_when_it_is_asked_has_a_card(tmp_path: Path) -> None:
    found = card("mine", plugged(tmp_path, "raise RuntimeError('no idea')"))
    assert "it cannot say: RuntimeError: no idea" in {gap.reason for gap in found.works.refused}


def test_one_that_cannot_be_imported_has_none(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(MINE.format(supports="pass").replace('"mine", Mine', '"mine", "nowhere:Mine"'))
    catalog = load_catalog([path])
    with pytest.raises(UsageError, match="cannot be imported"):
        card("mine", catalog)
