"""Head against a table that was kept: quality and counters, no seconds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import pandas as pd
import pytest

from ebmbench.errors import UsageError
from ebmbench.gate import stored
from ebmbench.gate.gate import Settings
from ebmbench.gate.sides import Work
from ebmbench.gate.stored import Table, against
from ebmbench.gate.trees import Tree
from ebmbench.gate.verdicts import Judgement, Measure

KL = [{"title": "density", "metric": "kl", "scale": "ratio"}]
BOARD = "# toy\n\nCommit 4177ab9. Some processor, 2 cores. 6 trials.\n"


class Head:
    """In the place of a side: what head's trials would come to."""

    def __init__(self, kl: Mapping[str, float], passes: float) -> None:
        self.kl, self.passes, self.ran = kl, passes, list[str]()

    def __call__(self, tree: Tree, log: Path) -> Self:
        return self

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def open(self, work: Work, seeds: Sequence[int]) -> None:
        self.seeds = list(seeds)

    def ask(self, do: str, seconds: float = 0, **of: Any) -> Any:
        if do == "plan":
            said = {"dataset": "moons", "reference": False, "rulers": KL, "metrics": {}, "key": "k"}
            return {"trials": {f"{m}/moons/{s}/cpu": {**said, "seed": s} for m in self.kl for s in self.seeds}}
        self.ran += of["trials"]
        return {name: self._of(name.partition("/")[0]) for name in of["trials"]}

    def _of(self, method: str) -> dict[str, Any]:
        return {"status": "ok", "error": "", "values": {"kl": self.kl[method]}, "counters": {"passes": self.passes}}


def table(folder: Path, kl: Mapping[str, float], seeds: int) -> Table:
    """What was kept: reference rows too, and a trial that failed."""
    rows = [
        {"name": f"{m}/moons/{s}/cpu", "status": "ok", "error": None, "kl": value, "passes": 1000, "train_seconds": 1.5}
        for m, value in kl.items()
        for s in range(1, seeds + 1)
    ]
    folder.mkdir(exist_ok=True)
    pd.DataFrame(rows).to_csv(folder / "trials.csv", index=False)
    (folder / "leaderboard.md").write_text(BOARD)
    return Table.read(folder)


def judged(kept: Table, head: Head, monkeypatch: pytest.MonkeyPatch) -> Judgement:
    monkeypatch.setattr(stored, "Side", head)
    tree = Tree(Path(), (), Path(), "4c8a8b9")
    return against(kept, tree, Work({"name": "toy"}, Path(), Path()), Settings(), Path("log"), lambda text: None)


def test_equal_numbers_are_the_same_after_one_seed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    head = Head({"nce": 0.1}, 1000.4)
    found = judged(table(tmp_path, {"nce": 0.1}, 3), head, monkeypatch)
    assert {one.name: str(one.verdict) for one in found.findings} == {"passes": "same", "kl": "same"}
    assert head.ran == ["nce/moons/1/cpu"]
    assert not [one for one in found.findings if one.measure is Measure.TIME]
    assert "Some processor, 2 cores" in found.notes[0], "whose seconds are not compared is named"


def test_a_loss_and_a_counter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = judged(table(tmp_path, {"nce": 0.1}, 12), Head({"nce": 0.13}, 1001), monkeypatch)
    assert {one.name: str(one.verdict) for one in found.findings} == {"passes": "regressed", "kl": "regressed"}


def test_too_few_seeds_are_undecided_and_say_how_many_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = judged(table(tmp_path, {"nce": 0.1}, 3), Head({"nce": 0.13}, 1000), monkeypatch)
    (quality,) = [one for one in found.findings if one.measure is Measure.QUALITY]
    assert (quality.verdict, quality.pairs, quality.more) == ("undecided", 3, 7)
    assert found.exit_code == 4


def test_what_only_one_of_them_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = table(tmp_path, {"nce": 0.1, "gone": 0.1}, 3)
    found = judged(kept, Head({"nce": 0.1, "fresh": 0.1}, 1000), monkeypatch)
    assert {one.method for one in found.findings} == {"nce"}
    assert any("fresh" in note for note in found.notes)
    with pytest.raises(UsageError, match="has none of the suite's trials; it has nce, gone"):
        judged(kept, Head({"fresh": 0.1}, 1000), monkeypatch)


@pytest.mark.parametrize("content", [None, b"", b"a,b\n1,2\n", b"\xff\xfe\x00"])
def test_what_is_no_table(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "trials.csv").write_bytes(content)
    with pytest.raises(UsageError, match=r"has no trials\.csv; expected|is no table of trials"):
        Table.read(tmp_path)


def test_the_reference_tables_are_read() -> None:
    folder = Path(__file__).parents[2] / "results" / "reference" / "toy2d"
    kept = Table.read(folder)
    assert len(kept.trials) == 180
    assert kept.seeds == [1, 2, 3]
    assert 0 < kept.trials["nce/rings/2/cpu"].values["kl"] < 0.1
    assert kept.trials["nce/rings/2/cpu"].counters["passes"] > 1e6
    assert kept.made.startswith("Commit ")
