"""The JSON Schema of suites against the loader itself: what one takes the other takes, and so with what is refused."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from ruamel.yaml import YAML

from ebmbench.catalog.catalog import Catalog, CatalogEntry
from ebmbench.catalog.loading import load_catalog
from ebmbench.catalog.suite_schema import suite_schema
from ebmbench.contracts.records import EnergyKind, MethodSpec, Strategy

ROOT = Path(__file__).parents[2]
SMALL = {"name": "small", "datasets": ["moons"], "methods": ["nce"], "budget": {"passes": 1000}}


@cache
def validator() -> Any:
    kind = jsonschema.Draft202012Validator
    schema = suite_schema(load_catalog())
    kind.check_schema(schema)
    return kind(schema)


@pytest.mark.long
@pytest.mark.parametrize("path", sorted((ROOT / "suites").glob("*.yaml")), ids=lambda path: path.stem)
def test_our_suites_are_valid(path: Path) -> None:
    assert list(validator().iter_errors(YAML(typ="safe").load(path))) == []


@pytest.mark.long
@pytest.mark.parametrize(
    "change",
    [
        {"methods": [{"name": "nce", "noise_ratio": 8, "label": "eight", "grid": {"lr": [0.1, 0.2]}}]},
        {"methods": ["of_a_plugin", {"name": "of_a_plugin", "anything": 1}]},
        {"datasets": [{"file": "mine.npz"}, {"name": "rings", "sigma": 0.1}]},
        {"seeds": [3, 5], "devices": ["cpu", {"device": "cpu", "threads": 2}], "timeout": "5m", "memory": "4GB"},
        {"seeds": 3, "devices": "cpu", "timeout": 90, "metrics": ["kl", "mine"]},
    ],
    ids=str,
)
def test_what_a_suite_may_say(change: dict[str, Any]) -> None:
    assert list(validator().iter_errors({**SMALL, **change})) == []


@pytest.mark.long
@pytest.mark.parametrize(
    "change",
    [
        {"methods": [{"name": "nce", "noise_ratios": 8}]},
        {"methods": [{"name": "nce", "noise_ratio": "many"}]},
        {"methods": [{"name": "nce", "grid": {"noise_ratio": 8}}]},
        {"methods": []},
        {"datasets": [{"sigma": 0.1}]},
        {"seeds": 0},
        {"budgets": {}},
        {"budget": {"passes": -1}},
        {"name": "../up"},
    ],
    ids=str,
)
def test_what_it_may_not(change: dict[str, Any]) -> None:
    assert list(validator().iter_errors({**SMALL, **change}))


@pytest.mark.long
def test_the_schema_in_the_repository_is_todays() -> None:
    """``ebmbench schema -o docs/suite.schema.json`` makes it anew."""
    assert json.loads((ROOT / "docs" / "suite.schema.json").read_text()) == json.loads(json.dumps(validator().schema))


def test_a_component_that_cannot_be_imported_has_no_parameters() -> None:
    spec = MethodSpec("gone", "no.such:Thing", Strategy.C2, EnergyKind.RANKING, "gone")
    catalog = Catalog(methods={"gone": CatalogEntry(spec, "nobody")})
    (told,) = suite_schema(catalog)["properties"]["methods"]["items"]["anyOf"][1]["allOf"]
    assert told["then"] == {}
