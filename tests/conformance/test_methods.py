"""The kit of methods: what is right passes, what is right among ours too; every check has a mistake that it catches."""

from __future__ import annotations

from pathlib import Path

import pytest

from ebmbench.catalog.loading import load_catalog
from ebmbench.conformance.methods import CHECKS, checked
from ebmbench.contracts.records import EnergyKind, MethodSpec, Strategy
from tests.conformance.kit import checked as checked_text
from tests.conformance.mistakes import METHOD, MISTAKES

CATALOG = load_catalog()
FEW = ("nce", "gmm", "oracle")
"""By gradients, by sweeps, a reference row; the others take minutes (tests/plugins/test_contract.py has them all)."""


@pytest.mark.long
def test_a_right_method_is_called_right(tmp_path: Path) -> None:
    found = checked_text("method", METHOD, tmp_path)
    assert found.findings == ()
    assert found.passed == tuple(CHECKS)


@pytest.mark.long
@pytest.mark.parametrize("name", FEW)
def test_ours_keep_the_contract(name: str) -> None:
    entry = CATALOG.methods[name]
    assert all(one.ok for one in checked(entry.spec, entry.load()))


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(set(CATALOG.methods) - set(FEW)))
def test_all_of_ours_keep_the_contract(name: str) -> None:
    entry = CATALOG.methods[name]
    found = checked(entry.spec, entry.load())
    assert all(one.ok for one in found), "\n".join(map(str, found))


def test_what_is_no_method_is_said() -> None:
    spec = MethodSpec("path", "pathlib:Path", Strategy.C2, EnergyKind.RANKING, "no method")
    (found,) = checked(spec, Path)
    assert "derives from Method" in str(found)


def test_every_check_has_a_mistake() -> None:
    """But for those that a plugin fails only together with others, or with the help of a library."""
    caught = {mistake.check for mistake in MISTAKES if mistake.kind == "method"}
    assert set(CHECKS) - caught == {"slope", "resumed", "meaning"}  # meaning says sign or kind
    assert len(MISTAKES) >= 25
