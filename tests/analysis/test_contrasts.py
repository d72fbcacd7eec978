"""What is different about two runs: said once, with the methods and datasets that it concerns."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ebmbench.analysis.comparison import Comparison
from ebmbench.analysis.contrasts import Contrast
from ebmbench.store.records import Revision
from tests.factories import make_cell
from tests.sides import compared, described, ended, side


def told(tmp_path: Path, *identities: tuple[str, str, dict[str, Any], dict[str, Any]]) -> tuple[Contrast, ...]:
    """Of trials of a row on a dataset, with an identity in A and one in B."""
    a, b = (
        [described(ended(row, dataset=name), tmp_path, of=row + name, **found[k]) for row, name, *found in identities]
        for k in (0, 1)
    )
    return compared(a, b).contrasts


def test_what_all_trials_share_is_said_once(tmp_path: Path) -> None:
    budgets: tuple[dict[str, Any], dict[str, Any]] = {"budget": {"passes": 1000}}, {"budget": {"passes": 2000}}
    found = told(tmp_path, *((row, name, *budgets) for row in ("nce", "gmm") for name in ("x", "y")))
    assert found == (Contrast("budget", ("passes 1000, now 2000",)),)


def test_what_concerns_some_names_them(tmp_path: Path) -> None:
    one: tuple[dict[str, Any], dict[str, Any]] = (
        {"method": {"params": {"lr": 0.1}}},
        {"method": {"params": {"lr": 0.2}}},
    )
    blur: tuple[dict[str, Any], dict[str, Any]] = ({"dataset": {"params": {"s": 1}}}, {"dataset": {"params": {"s": 2}}})
    found = told(tmp_path, ("nce", "x", *one), ("gmm", "x", {}, {}), ("nce", "y", *one), ("gmm", "y", *blur))
    assert Contrast("method", ("lr 0.1, now 0.2",), ("nce",)) in found
    assert Contrast("dataset", ("s 1, now 2",), ("gmm",), ("y",)) in found


def test_code_and_versions_of_trials(tmp_path: Path) -> None:
    a, b = (
        {"code": {"modules": [["m.a", "1"], ["m.b", digest]], "versions": [["torch", version]]}}
        for digest, version in (("1", "2.4"), ("2", "2.5"))
    )
    found = told(tmp_path, ("nce", "x", a, b))
    assert found == (Contrast("code", ("m.b changed",)), Contrast("version", ("torch 2.4, now 2.5",)))


def test_equal_keys_are_not_even_read() -> None:
    assert compared([ended("nce")], [ended("nce")]).contrasts == ()


def test_other_keys_of_which_nothing_can_be_read_are_said() -> None:
    assert compared([ended("nce", key="0" * 16)], [ended("nce", key="1" * 16)]).contrasts == (
        Contrast("trials", ("what they are cannot be read",)),
    )


@pytest.mark.parametrize(
    ("facts", "subject", "text"),
    [
        ({"suite": "other"}, "suite", "toy, now other"),
        ({"full": False}, "run", "whole, now narrowed"),
        (
            {"revision": Revision(commit="b" * 40, dirty=True)},
            "commit",
            f"{'a' * 12}, now {'b' * 12} and changes beyond it",
        ),
        ({"revision": None}, "commit", f"{'a' * 12}, now unknown"),
        ({"versions": {"torch": "2.5"}}, "version", "torch 2.4, now 2.5"),
        ({"machine": {"cores": "64"}}, "machine", "cores 2, now 64"),
        ({"metrics": (make_cell("kl", "raw", code="new"),)}, "metric", "kl is measured by other code"),
        ({"metrics": ()}, "metric", "kl is no longer asked for"),
    ],
)
def test_what_runs_say_of_themselves(facts: dict[str, Any], subject: str, text: str) -> None:
    common: dict[str, Any] = {
        "revision": Revision(commit="a" * 40, dirty=False),
        "versions": {"torch": "2.4"},
        "machine": {"cores": "2"},
        "metrics": (make_cell("kl", "raw"),),
    }
    found = Comparison.of(side([ended("nce")], **common), side([ended("nce")], **{**common, **facts})).contrasts
    assert [(one.subject, one.texts) for one in found] == [(subject, (text,))]


def test_a_version_of_run_and_trials_is_said_once(tmp_path: Path) -> None:
    a, b = (
        side(
            [described(ended("nce"), tmp_path, code={"modules": [], "versions": [["torch", version]]})],
            versions={"torch": version},
        )
        for version in ("2.4", "2.5")
    )
    assert Comparison.of(a, b).contrasts == (Contrast("version", ("torch 2.4, now 2.5",)),)
