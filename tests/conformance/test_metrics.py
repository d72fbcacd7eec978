"""The kit of metrics: mistakes are caught by name, what is right passes."""

from __future__ import annotations

from pathlib import Path

import pytest

from ebmbench.catalog.loading import load_catalog
from ebmbench.conformance.metrics import CHECKS, checked
from tests.conformance.kit import assert_caught
from tests.conformance.kit import checked as checked_text
from tests.conformance.mistakes import METRIC, MISTAKES, Mistake

CATALOG = load_catalog()


@pytest.mark.long
@pytest.mark.parametrize("mistake", [m for m in MISTAKES if m.kind == "metric"], ids=lambda mistake: mistake.title)
def test_a_mistake_is_caught(mistake: Mistake, tmp_path: Path) -> None:
    assert_caught(mistake, tmp_path)


@pytest.mark.long
def test_a_right_metric_is_called_right(tmp_path: Path) -> None:
    found = checked_text("metric", METRIC, tmp_path)
    assert (found.findings, found.passed) == ((), tuple(CHECKS))


@pytest.mark.long
@pytest.mark.parametrize("name", ["kl", "log_z_error", "auroc"])
def test_ours_keep_the_contract(name: str) -> None:
    entry = CATALOG.metrics[name]
    assert checked(entry.spec, entry.load()).ok


@pytest.mark.slow
@pytest.mark.parametrize("name", CATALOG.metrics)
def test_all_of_ours_keep_the_contract(name: str) -> None:
    entry = CATALOG.metrics[name]
    found = checked(entry.spec, entry.load())
    assert found.ok, str(found)
