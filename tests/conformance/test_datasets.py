"""The kit of datasets: mistakes are caught by name, what is right passes."""

from __future__ import annotations

from pathlib import Path

import pytest

from ebmbench.catalog.loading import load_catalog
from ebmbench.conformance.datasets import CHECKS, checked
from tests.conformance.kit import assert_caught
from tests.conformance.kit import checked as checked_text
from tests.conformance.mistakes import CONDITIONAL, DATASET, MISTAKES, Mistake

CATALOG = load_catalog()


@pytest.mark.long
@pytest.mark.parametrize("mistake", [m for m in MISTAKES if m.kind == "dataset"], ids=lambda mistake: mistake.title)
def test_a_mistake_is_caught(mistake: Mistake, tmp_path: Path) -> None:
    assert_caught(mistake, tmp_path)


@pytest.mark.parametrize("text", [DATASET, CONDITIONAL], ids=["y", "y given x"])
def test_a_right_dataset_is_called_right(text: str, tmp_path: Path) -> None:
    found = checked_text("dataset", text, tmp_path)
    assert (found.findings, found.passed) == ((), tuple(CHECKS))


@pytest.mark.long
@pytest.mark.parametrize("name", ["moons", "funnel", "boltzmann", "gustafsson_1", "two_branches"])
def test_ours_keep_the_contract(name: str) -> None:
    entry = CATALOG.datasets[name]
    assert checked(entry.spec, entry.load()).ok


@pytest.mark.slow
@pytest.mark.parametrize("name", CATALOG.datasets)
def test_all_of_ours_keep_the_contract(name: str) -> None:
    entry = CATALOG.datasets[name]
    found = checked(entry.spec, entry.load())
    assert found.ok, str(found)
