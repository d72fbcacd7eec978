"""Tiny suites planned for a worker, with no session around it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any
from unittest import mock

from ebmbench.catalog.catalog import Catalog
from ebmbench.catalog.loading import load_catalog
from ebmbench.contracts.records import Protocol
from ebmbench.planning import resolving
from ebmbench.planning.plan import Plan, Planner
from ebmbench.store.folders import Store, TrialFolder
from ebmbench.suite.loading import read_suite

SUITE: dict[str, Any] = {
    "name": "tiny",
    "datasets": ["8gaussians"],
    "data": {"set": 500, "validation": 200, "test": 400},
    "methods": ["nce"],
    "budget": {"steps": 200},
    "seeds": 1,
    "metrics": ["kl"],
}
CHEAP: dict[str, Any] = {
    **SUITE,
    "data": {"set": 200, "validation": 200, "test": 200},
    "methods": [{"name": "gmm", "components": 2}],
    "budget": {"steps": 5},
    "metrics": ["skill"],
}
"""Over in a moment, whatever it comes to."""
QUICK = Protocol(lattice=40, milestone_lattice=20, samples=200)
"""Lattices on which a surface is measured at once."""


@cache
def catalog() -> Catalog:
    """The built-in one."""
    return load_catalog()


def plan_of(root: Path, suite: Mapping[str, Any] = SUITE, protocol: Protocol = QUICK) -> Plan:
    """The plan of a suite in the results folder ``root``, which is made."""
    store = Store(root)
    store.prepare()
    read, source = read_suite(suite)
    with mock.patch.object(resolving, "Protocol", return_value=protocol):
        return Planner(read, source, catalog(), store).plan()


def planned_trial(root: Path, protocol: Protocol = QUICK, **changes: Any) -> TrialFolder:
    """The one trial of the suite, ready for a worker."""
    (planned,) = plan_of(root, {**SUITE, **changes}, protocol).trials
    ready = Store(root).trial_folder(planned.view.key)
    ready.begin(planned.spec)
    return ready


class Bomb:
    """Makes a folder when it is unpickled."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, ("exploded",)
