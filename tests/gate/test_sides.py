"""A side at work: the process that runs a tree's code, and what it answers."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

import ebmbench
from ebmbench.errors import UsageError
from ebmbench.gate.planning import Planned
from ebmbench.gate.quality import Ended
from ebmbench.gate.sides import Side, SideFailed, Work
from ebmbench.gate.trees import Tree
from tests.faults.gates import edited

pytestmark = [pytest.mark.process, pytest.mark.long]

ROOT = Path(ebmbench.__file__).parents[1]
TREE = Tree(ROOT, (ROOT, ROOT / "plugins"), Path(sys.executable), "this")
SUITE = {
    "name": "sides",
    "datasets": ["moons"],
    "data": {"set": 300, "validation": 300, "test": 300},
    "methods": ["gaussian", "nce", "gmm", "mine"],
    "net": {"features": 16, "scales": [1, 2], "width": 16, "depth": 2},
    "budget": {"steps": 20},
    "metrics": ["skill", "kl"],
    "plugins": ["mine.py"],
}
PLUGIN = edited('print("noise on standard output")')


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sides")
    (folder / "mine.py").write_text(PLUGIN)
    return folder


@pytest.fixture(scope="module")
def side(place: Path) -> Iterator[Side]:
    work = Work({**SUITE, "plugins": [str(place / "mine.py")]}, Path(), place / "results")
    with Side(TREE, place / "log.txt") as one:
        one.open(work, [0, 1])
        yield one


def test_a_side_plans_counts_times_and_runs(side: Side, place: Path) -> None:
    plan = Planned.of(side.ask("plan"))
    assert set(plan) == {f"{m}/moons/{seed}/cpu" for m in ("gaussian", "nce", "gmm", "mine") for seed in (0, 1)}
    assert plan["gaussian/moons/0/cpu"].reference
    rulers = {name.partition("/")[0]: trial.ruler.metric for name, trial in plan.items() if trial.ruler is not None}
    assert (rulers["nce"], rulers["mine"]) == ("kl", "skill"), "a density by its KL, what only ranks by its order"
    counted = side.ask("count", trial="nce/moons/0/cpu")
    assert counted == side.ask("count", trial="nce/moons/0/cpu")
    assert counted["energy_rows"] == 11 * 5 * 256
    assert counted["peak_bytes"] > 5 * 256 * 16 * 4
    for name in ("nce/moons/0/cpu", "gmm/moons/0/cpu", "mine/moons/0/cpu"):
        took = side.ask("time", trial=name, steps=30)
        assert [len(took[clock]) for clock in ("wall", "processor")] == [30, 30]
        assert all(seconds > 0 for seconds in took["wall"])
    side.ask("forget", trial="nce/moons/0/cpu")
    names = ["nce/moons/1/cpu", "gmm/moons/1/cpu"]
    ended = Ended.of(side.ask("run", trials=names, workers=2))
    assert [ended[name].status for name in names] == ["ok", "ok"]
    assert 0 < ended[names[0]].values["kl"] < 3
    assert ended[names[0]].counters["steps"] == 20
    assert (place / "results" / "trials").is_dir()
    assert not (place / "results" / "sides").exists(), "no run of the user's is touched"
    assert "noise on standard output" in (place / "log.txt").read_text()


def test_what_a_side_cannot_do_is_said(side: Side) -> None:
    with pytest.raises(SideFailed, match=r"KeyError: 'nobody/moons/0/cpu'"):
        side.ask("count", trial="nobody/moons/0/cpu")
    with pytest.raises(SideFailed, match=r"AttributeError"):
        side.ask("fly")


def test_a_base_that_lacks_a_method_or_a_field(side: Side, place: Path) -> None:
    entries = ["nce", "not_yet", {"name": "nce", "label": "other", "not_a_field": 1}]
    work = Work({**SUITE, "methods": entries, "plugins": []}, Path(), place / "results")
    side.open(work, [0], tolerant=True)
    answer = side.ask("plan")
    assert set(answer["trials"]) == {"nce/moons/0/cpu"}
    assert set(answer["missing"]) == {"not_yet", "other"}
    assert "not_yet" in answer["missing"]["not_yet"]
    with pytest.raises(UsageError, match=r"this: .*not_yet"):
        side.open(work, [0])


def test_a_side_that_dies_or_hangs(place: Path) -> None:
    with Side(TREE, place / "log.txt") as one:
        one._process.kill()
        with pytest.raises(SideFailed, match="its process ended with code -9"):
            one.ask("plan")
    with Side(TREE, place / "log.txt") as late, pytest.raises(SideFailed, match=r"no answer in 0 s"):
        late.ask("plan", seconds=0.01)


def test_variables_are_those_of_its_process(place: Path) -> None:
    with Side(TREE, place / "log.txt", {"MALLOC_TRIM_THRESHOLD_": "7"}) as one, Side(TREE, place / "log.txt") as other:
        there, elsewhere = (psutil.Process(side._process.pid).environ() for side in (one, other))
    assert there["MALLOC_TRIM_THRESHOLD_"] == "7"
    assert "MALLOC_TRIM_THRESHOLD_" not in elsewhere
