"""A name whose plugin was uninstalled: the error says what to install, wherever it is met."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from ebmbench.cli import group
from ebmbench.errors import SuiteError, UsageError
from ebmbench.planning.gone import to_find_again
from ebmbench.store.folders import Store
from ebmbench.store.runs import save_run
from tests.factories import Lab, make_cell, make_spec
from tests.planned import SUITE, plan_of

OWNER = "ebmbench-long-gone:mine"
AGAIN = "; it was of the package 'ebmbench-long-gone', which is not installed: pip install ebmbench-long-gone"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """A run of a package's method, dataset and metric, and of a built-in method that has another name now."""
    lab, spec = Lab(tmp_path), make_spec(method="mine", dataset="data")
    for name, owner in (("mine", OWNER), ("old", "ebmbench:c2_chosen_points")):
        lab.trial(name, dataset="data")
        method = spec.method.model_copy(update={"name": name, "owner": owner})
        dataset = spec.dataset.model_copy(update={"owner": OWNER})
        lab.trials[-1].folder.begin(spec.model_copy(update={"method": method, "dataset": dataset}))
    save_run(lab.result(metrics=(make_cell("number", owner=OWNER),)))
    return lab.store


def test_only_what_a_plugin_had_is_found_again(store: Store) -> None:
    for component_type, name in (("methods", "mine"), ("datasets", "data"), ("metrics", "number")):
        assert to_find_again(store, component_type, name) == AGAIN
    for component_type, name in (("methods", "old"), ("methods", "mein"), ("metrics", "mine")):
        assert to_find_again(store, component_type, name) == ""


@pytest.mark.parametrize(
    ("change", "noun"),
    [({"methods": ["mine"]}, "method"), ({"datasets": ["data"]}, "dataset"), ({"metrics": ["number"]}, "metric")],
)
def test_a_suite_that_names_it_is_told_what_to_install(store: Store, change: dict[str, Any], noun: str) -> None:
    ((key, (named,)),) = change.items()
    with pytest.raises(SuiteError) as raised:
        plan_of(store.root, {**SUITE, **change})
    assert raised.value.message == f"{key}.0: unknown {noun} '{named}'{AGAIN}"


def test_a_card_of_it_says_what_to_install(store: Store) -> None:
    done = CliRunner().invoke(group, ["info", "mine", "--results", str(store.root)], standalone_mode=False)
    assert isinstance(done.exception, UsageError)
    assert str(done.exception) == f"nothing is called 'mine' now{AGAIN}"
