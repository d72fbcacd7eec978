"""The records that every floor shares, and what may be read off them."""

from __future__ import annotations

import re

import pytest
from pydantic import ValidationError

from ebmbench.contracts.records import (
    NAME_PATTERN,
    NO_SCALE,
    Column,
    EnergyKind,
    MethodSpec,
    MetricSpec,
    NetConfig,
    Protocol,
    Strategy,
    Track,
    flat_name,
)


@pytest.mark.parametrize("strategy", list(Strategy))
def test_every_strategy_has_a_family_and_an_idea(strategy: Strategy) -> None:
    families = {"C": "contrastive", "A": "architectural", "r": "reference"}
    assert strategy.family == families[strategy.value[0]]
    assert len(strategy.idea.split()) > 5


def test_only_the_references_are_references() -> None:
    found = {
        strategy: MethodSpec("name", "module:Class", strategy, EnergyKind.DENSITY, "").reference
        for strategy in Strategy
    }
    assert {strategy for strategy, reference in found.items() if reference} == {Strategy.REFERENCE}
    assert len({strategy.idea for strategy in Strategy}) == 8


@pytest.mark.parametrize("name", ["nce", "2spirals", "my.method-3_b", "A", "a" * 80])
def test_names_that_may_be(name: str) -> None:
    assert re.match(NAME_PATTERN, name)


@pytest.mark.parametrize("name", ["", ".hidden", "../up", "a/b", "a b", "-k", "<b>", "a\x1b[31m", "a" * 81])
def test_names_that_are_paths_tags_or_codes(name: str) -> None:
    assert not re.match(NAME_PATTERN, name)


# --- the shared network ----------------------------------------------------------------------------------------------


def test_features_are_spread_evenly_over_the_scales() -> None:
    assert NetConfig(features=6, scales=(1.0, 2.0, 4.0)).features == 6
    assert NetConfig(features=0).features == 0
    with pytest.raises(ValidationError, match=r"features \(7\) must be a multiple of the number of scales"):
        NetConfig(features=7, scales=(1.0, 2.0, 4.0))


@pytest.mark.parametrize(
    "wrong", [{"features": -4}, {"scales": ()}, {"scales": (1.0, 0.0)}, {"width": 0}, {"depth": 0}, {"heads": 2}]
)
def test_networks_that_cannot_be(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        NetConfig.model_validate(wrong)


@pytest.mark.parametrize("wrong", [{"lattice": 1}, {"milestone_lattice": 0}, {"samples": 0}, {"cells": 3}])
def test_protocols_that_cannot_be(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Protocol.model_validate(wrong)


# --- metrics ---------------------------------------------------------------------------------------------------------


def metric(*kinds: EnergyKind, why_not: str = "") -> MetricSpec:
    return MetricSpec("kl", "module:kl", "", "nats", "down", frozenset(kinds), ("raw", "beta"), why_not=why_not)


def test_a_metric_says_why_it_does_not_apply_to_a_kind() -> None:
    assert metric(EnergyKind.NORMALIZED).obstacle(EnergyKind.NORMALIZED, "raw") == ""
    assert metric(EnergyKind.NORMALIZED).obstacle(EnergyKind.SMOOTHED, "raw") == "not for smoothed energies"
    picky = metric(EnergyKind.NORMALIZED, why_not="there is no constant")
    assert picky.obstacle(EnergyKind.DENSITY, "beta") == "there is no constant"


@pytest.mark.parametrize("kind", list(EnergyKind))
@pytest.mark.parametrize("variant", ["raw", "beta", "iso", "", "common"])
def test_only_the_raw_scale_of_a_ranking_energy_means_nothing(kind: EnergyKind, variant: str) -> None:
    meaningless = kind is EnergyKind.RANKING and variant == "raw"
    assert metric(*EnergyKind).obstacle(kind, variant) == (NO_SCALE if meaningless else "")


@pytest.mark.parametrize(
    ("variant", "flat"), [("", "kl"), ("raw", "kl"), ("beta", "kl_beta"), ("iso", "kl_iso"), ("native", "kl_native")]
)
def test_raw_is_the_bare_name(variant: str, flat: str) -> None:
    assert flat_name("kl", variant) == flat


# --- tracks ----------------------------------------------------------------------------------------------------------

KL = Column("KL", "kl", ranking="kl_beta")
AUROC = Column("AUROC", "auroc")


def test_a_column_shows_something_else_of_an_energy_that_only_ranks() -> None:
    for kind in EnergyKind:
        assert KL.of(kind) == ("kl_beta" if kind is EnergyKind.RANKING else "kl")
        assert AUROC.of(kind) == "auroc"


def track(*columns: Column, curve: Column) -> Track:
    return Track("t", "", columns, "down", None, tables=(), milestones=(), curve=curve)


def test_the_first_column_ranks() -> None:
    assert track(AUROC, KL, curve=KL).headline is AUROC


def test_what_ranks_and_what_is_timed_is_needed_in_both_forms() -> None:
    assert track(AUROC, curve=KL).needed == ("auroc", "kl", "kl_beta")
    assert track(KL, AUROC, curve=AUROC).needed == ("kl", "kl_beta", "auroc")
