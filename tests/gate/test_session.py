"""A gate as it is asked for: which suite, which trees, one at a time."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from ebmbench.errors import UsageError
from ebmbench.gate import session
from ebmbench.gate.calibration import Calibration
from ebmbench.gate.gate import Gate
from ebmbench.gate.session import Asked, calibrate, with_base
from ebmbench.gate.trees import Tree
from ebmbench.gate.verdicts import Finding, Judgement, Measure, Verdict

ROOT = Path(__file__).parents[2].resolve()
SUITE = "name: mine\ndatasets: [moons]\nmethods: [nce]\nbudget: {steps: 5}\ntolerances: {time: 0.05, kl: 0.2}\n"


@pytest.fixture
def gates(monkeypatch: pytest.MonkeyPatch) -> list[Gate]:
    """The gates that would be done; each finds one time."""
    made: list[Gate] = []

    @contextmanager
    def base(head: Tree, reference: str, place: Path, name: str, option: str) -> Iterator[Tree]:
        yield Tree(place / name, head.packages, head.python, reference)

    def run(gate: Gate) -> Judgement:
        made.append(gate)
        found = Finding("nce", Measure.TIME, "step", Verdict.SAME, 1.02, pairs=12)
        return Judgement("mine", gate.base.label, gate.head.label, "here", (found,))

    monkeypatch.setattr(session, "tree_of", base)
    monkeypatch.setattr(session, "head_tree", lambda folder: Tree(ROOT, (ROOT,), Path("python"), "head"))
    monkeypatch.setattr(session, "machine_id", lambda: "here")
    monkeypatch.setattr(Gate, "run", run)
    return made


def asked(tmp_path: Path, **more: Any) -> Asked:
    (tmp_path / "mine.yaml").write_text(SUITE)
    return Asked(tmp_path, tmp_path / "results", str(tmp_path / "mine.yaml"), **more)


def test_a_gate_against_a_commit(gates: list[Gate], tmp_path: Path) -> None:
    found = with_base(asked(tmp_path, minutes=3.0, overrides=("budget.steps=7",), keyword="nce"), "main")
    (gate,) = gates
    assert (found.base, found.head) == ("main", "head")
    assert gate.settings.tolerances == {"time": 0.05, "kl": 0.2}
    assert gate.settings.minutes == 3
    assert gate.work.suite["budget"] == {"steps": 7}
    assert (gate.head.root / gate.work.folder).resolve() == tmp_path.resolve()


def test_a_shipped_suite_is_each_trees_own_folder(gates: list[Gate], tmp_path: Path) -> None:
    with_base(Asked(tmp_path, tmp_path / "results", plugins=(str(ROOT / "README.md"),)), "main")
    assert gates[0].work.suite["name"] == "smoke"
    assert gates[0].work.folder == Path("suites")
    assert gates[0].work.plugins == (Path("README.md"),)


def test_what_is_not_of_the_checkout_is_both_sides(
    gates: list[Gate], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A suite of one's own elsewhere, and the shipped ones of an installed package, even below the checkout."""
    with_base(asked(tmp_path, plugins=(str(tmp_path / "mine.yaml"),)), "main")
    assert gates[0].work.folder == tmp_path.resolve()
    assert gates[0].work.plugins == (tmp_path.resolve() / "mine.yaml",)
    monkeypatch.setattr(sys, "prefix", str(ROOT / "suites"))
    with_base(Asked(tmp_path, tmp_path / "results"), "main")
    assert gates[1].work.folder == ROOT / "suites"


def test_calibration_is_kept(gates: list[Gate], tmp_path: Path) -> None:
    calibrate(asked(tmp_path))
    (gate,) = gates
    assert gate.settings.everything
    assert gate.settings.measures == {Measure.TIME}
    kept = Calibration.read(tmp_path / "results" / "gate" / "calibration.jsonl", "here")
    assert [null.ratio for null in kept.found] == [pytest.approx(math.log(1.02))]
    for _ in range(4):
        calibrate(asked(tmp_path))
    with_base(asked(tmp_path), "main")
    assert gates[-1].calibration.threshold("nce") == pytest.approx(math.log(1.02))


def test_a_dirty_tree_is_not_calibrated_with(
    gates: list[Gate], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "head_tree", lambda folder: Tree(ROOT, (ROOT,), Path("python"), "head", True))
    with pytest.raises(UsageError, match="commit them first"):
        calibrate(asked(tmp_path))


def test_nothing_of_the_repository_is_imported(
    gates: list[Gate], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "head_tree", lambda folder: Tree(ROOT, (), Path("python"), "head"))
    with pytest.raises(UsageError, match=r"pip install -e \."):
        with_base(asked(tmp_path), "main")
    with_base(asked(tmp_path, plugins=("mine.py",)), "main")


@pytest.mark.parametrize("minutes", [0.0, -1.0, math.inf, math.nan])
def test_a_budget_that_is_none(gates: list[Gate], tmp_path: Path, minutes: float) -> None:
    with pytest.raises(UsageError, match="--budget-minutes"):
        with_base(asked(tmp_path, minutes=minutes), "main")


def test_one_at_a_time(gates: list[Gate], tmp_path: Path) -> None:
    place = tmp_path / "results" / "gate"
    place.mkdir(parents=True)
    with FileLock(place / ".lock"), pytest.raises(UsageError, match="another gate is at work"):
        with_base(asked(tmp_path), "main")
