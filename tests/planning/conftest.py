"""Suites in files, planned."""

from __future__ import annotations

from pathlib import Path

import pytest

from ebmbench.catalog.loading import load_catalog
from ebmbench.planning.plan import Plan, Planner
from ebmbench.store.folders import Store
from ebmbench.suite.loading import plugin_files, read_suite
from tests.plans import SUITE, Plans


@pytest.fixture
def plan(single_files: Path) -> Plans:
    """Plans a suite that is written to a file of its own, beside single-file plugins."""

    def make(
        text: str = SUITE,
        *,
        keyword: str | None = None,
        file: str = "tiny.yaml",
        overrides: tuple[str, ...] = (),
        plugins: tuple[str, ...] = (),
        results: str = "results",
        retry_failed: bool = False,
        seeds: int | None = None,
    ) -> Plan:
        path = single_files / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        suite, source = read_suite(str(path), overrides, seeds)
        catalog = load_catalog(plugin_files(suite, source, plugins))
        planner = Planner(suite, source, catalog, Store(single_files / results))
        return planner.plan(keyword, retry_failed=retry_failed)

    return make
