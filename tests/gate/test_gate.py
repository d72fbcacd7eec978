"""A gate from its plans to its verdicts, with sides that only say what they would find."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ebmbench.gate import gate as module
from ebmbench.gate import pages
from ebmbench.gate.calibration import Calibration, Null
from ebmbench.gate.cases import at_seed
from ebmbench.gate.gate import Gate, Settings
from ebmbench.gate.sides import SideFailed, Work
from ebmbench.gate.timing import Pair
from ebmbench.gate.trees import Tree
from ebmbench.gate.verdicts import Judgement, Measure
from tests.factories import make_run

KL = [{"title": "density", "metric": "kl", "scale": "ratio"}]
NOISE = np.random.default_rng(0).normal(0, 0.004, 1000)


@dataclass
class Code:
    """What a tree would do."""

    keys: Mapping[str, str]
    kl: Mapping[str, float] = field(default_factory=dict)
    work: Mapping[str, float] = field(default_factory=dict)
    fails: tuple[str, ...] = ()
    missing: Mapping[str, str] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    lives: bool = True

    def open(self, work: Work, seeds: Sequence[int], methods: Any = None, tolerant: bool = False) -> None:
        pass

    def ask(self, do: str, seconds: float = 0, **of: Any) -> Any:
        return getattr(self, do)(**of)

    def plan(self) -> dict[str, Any]:
        said = {"dataset": "moons", "seed": 0, "reference": False, "rulers": KL, "metrics": {"kl": "1"}}
        return {
            "trials": {f"{m}/moons/0/cpu": {**said, "key": k} for m, k in self.keys.items()},
            "missing": self.missing,
        }

    def record(self) -> str:
        return make_run((), plan_id="base" if "1" in self.keys.values() else "head").model_dump_json()

    def count(self, trial: str) -> dict[str, float]:
        if "uncountable" in trial:
            raise SideFailed("ValueError: no")
        if "deadly" in trial or not self.lives:
            self.lives = False
            raise SideFailed("its process ended with code 3")
        return {"gradient_rows": self.work.get(trial.partition("/")[0], 10.0)}

    def run(self, trials: list[str], workers: int) -> dict[str, Any]:
        self.asked += trials
        return {name: self._ran(*name.split("/")[::2]) for name in trials}

    def _ran(self, method: str, seed: str) -> dict[str, Any]:
        if method in self.fails:
            return {"status": "crashed", "error": "boom"}
        return {"status": "ok", "values": {"kl": self.kl.get(method, 0.1) * math.exp(NOISE[int(seed)])}}


@dataclass
class Bench:
    """Both trees, and the log ratio of their times by method."""

    base: Code
    head: Code
    slower: Mapping[str, float] = field(default_factory=dict)
    timed: list[list[str]] = field(default_factory=list)

    @contextmanager
    def both(self, base: Tree, head: Tree, log: Path) -> Iterator[tuple[Code, Code]]:
        self.base.lives = self.head.lives = True
        yield self.base, self.head

    def pairs(self, base: Tree, head: Tree, work: Work, trials: Sequence[str], seed: int, log: Path) -> Iterator[Pair]:
        self.timed.append([trial.partition("/")[0] for trial in trials])
        for trial in trials:
            method = trial.partition("/")[0]
            if method == "untimable":
                raise SideFailed("ValueError: no")
            noise = NOISE[len(self.timed)] * (1 if self.slower else 0)
            yield Pair(trial, self.slower.get(method, 0.0) + float(noise) + 1e-9, 10, (1.0,), (1.0,))


def gate(
    bench: Bench,
    monkeypatch: pytest.MonkeyPatch,
    calibration: Sequence[Null] = (),
    dirty: bool = False,
    **settings: Any,
) -> Judgement:
    monkeypatch.setattr(module, "both", bench.both)
    monkeypatch.setattr(module, "pairs", bench.pairs)
    trees = (Tree(Path(), (), Path(), "base"), Tree(Path(), (), Path(), "head", dirty))
    work = Work({"name": "made up"}, Path(), Path())
    return Gate(*trees, work, Settings(**settings), Calibration(tuple(calibration)), Path("log")).run()


def verdicts(found: Judgement, method: str) -> dict[str, str]:
    return {one.name: str(one.verdict) for one in found.findings if one.method == method}


def test_what_is_not_touched_is_not_run(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(Code({"nce": "1", "gmm": "2"}), Code({"nce": "1", "gmm": "2"}))
    found = gate(bench, monkeypatch)
    assert (found.verdict, found.untouched, found.findings) == ("same", ("nce", "gmm"), ())
    assert bench.timed == []
    assert bench.base.asked == []


def test_only_what_is_touched_is_run(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(Code({"nce": "1", "gmm": "2"}), Code({"nce": "9", "gmm": "2"}), {"nce": math.log(1.05)})
    found = gate(bench, monkeypatch)
    assert verdicts(found, "nce") == {"gradient_rows": "same", "step": "regressed", "kl": "same"}
    assert found.untouched == ("gmm",)
    assert found.exit_code == 3
    assert {name.partition("/")[0] for name in bench.head.asked} == {"nce"}
    assert len(bench.timed) == 11, "it stops when it can tell"
    assert bench.head.asked == ["nce/moons/0/cpu", "nce/moons/1/cpu"], "identical numbers need no more"


def test_a_loss_of_quality(monkeypatch: pytest.MonkeyPatch) -> None:
    base, head = Code({"nce": "1"}, {"nce": 0.1}), Code({"nce": "2"}, {"nce": 0.12})
    drawn: list[Any] = []
    monkeypatch.setattr(pages, "write", lambda *given: drawn.append(given))
    found = gate(Bench(base, head), monkeypatch)
    assert verdicts(found, "nce") == {"gradient_rows": "same", "step": "same", "kl": "regressed"}
    ((_, first, last, names, file),) = drawn
    assert (first.plan_id, last.plan_id) == ("base", "head")
    assert names == {f"nce/moons/{seed}/cpu" for seed in range(11)}
    assert found.commands == (f"open {file}",)


def test_a_page_that_cannot_be_drawn_loses_no_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    base, head = Code({"nce": "1"}, {"nce": 0.1}), Code({"nce": "2"}, {"nce": 0.12})
    monkeypatch.setattr(Code, "record", lambda self: "of another version")
    found = gate(Bench(base, head), monkeypatch)
    assert verdicts(found, "nce")["kl"] == "regressed"
    assert any("surfaces are not drawn" in note for note in found.notes)


def test_how_much_worse(monkeypatch: pytest.MonkeyPatch) -> None:
    base, head = Code({"nce": "1"}, {"nce": 0.1}), Code({"nce": "2"}, {"nce": 0.12})
    found = gate(Bench(base, head), monkeypatch)
    (quality,) = [one for one in found.findings if one.name == "kl"]
    assert quality.change == pytest.approx(1.2)


def test_more_work_and_a_crash(monkeypatch: pytest.MonkeyPatch) -> None:
    base, head = Code({"nce": "1", "gmm": "1"}), Code({"nce": "2", "gmm": "2"}, work={"nce": 20.0}, fails=("gmm",))
    found = gate(Bench(base, head), monkeypatch)
    assert verdicts(found, "nce")["gradient_rows"] == "regressed"
    assert verdicts(found, "gmm")["status"] == "regressed"
    assert len([name for name in head.asked if name.startswith("gmm")]) == 2


def test_the_time_that_is_given_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    seconds = iter(range(0, 10_000, 7))
    monkeypatch.setattr(time, "monotonic", lambda: float(next(seconds)))
    bench = Bench(Code({"nce": "1"}), Code({"nce": "2"}), {"nce": math.log(1.03)})
    found = gate(bench, monkeypatch, minutes=2.0)
    assert verdicts(found, "nce")["step"] == "undecided"
    assert found.exit_code == 4
    assert 2 < len(bench.timed) < 11


def test_the_noise_of_the_machine_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same slow-down, where equal code has looked as different as that: it is no finding."""
    bench = Bench(Code({"nce": "1"}), Code({"nce": "2"}), {"nce": math.log(1.05)})
    noisy = [Null("m", "nce", ratio, 12) for ratio in (0.04, -0.03, 0.02, -0.05, 0.03)]
    found = gate(bench, monkeypatch, noisy)
    assert verdicts(found, "nce")["step"] == "same"
    assert not any("calibration" in note for note in found.notes)
    assert any("calibration" in note for note in gate(bench, monkeypatch).notes)


def test_new_gone_and_what_cannot_be(monkeypatch: pytest.MonkeyPatch) -> None:
    base = Code({"old": "1", "untimable": "1", "uncountable": "1"}, missing={"fresh": "no method 'fresh'"})
    head = Code({"fresh": "1", "untimable": "2", "uncountable": "2"})
    found = gate(Bench(base, head), monkeypatch, dirty=True)
    said = "\n".join(found.notes)
    for words in (
        "fresh is new: base has nothing to compare it with (no method 'fresh')",
        "old is gone",
        "untimable: its steps cannot be timed: ValueError: no",
        "uncountable: its steps cannot be counted: ValueError: no",
        "not committed",
    ):
        assert words in said
    assert verdicts(found, "untimable") == {"gradient_rows": "same", "kl": "same"}
    assert verdicts(found, "uncountable") == {"step": "same", "kl": "same"}


def test_a_step_that_ends_its_process_costs_the_others_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    keys = [dict.fromkeys(("nce", "deadly", "gmm"), side) for side in "12"]
    found = gate(Bench(Code(keys[0]), Code(keys[1])), monkeypatch, measures=frozenset({Measure.WORK}))
    assert verdicts(found, "nce") == verdicts(found, "gmm") == {"gradient_rows": "same"}
    assert verdicts(found, "deadly") == {}
    assert "deadly: its steps cannot be counted: its process ended with code 3" in found.notes


def test_false_alarms_are_shared_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten methods need more pairs each than one does."""
    keys = [{f"m{n}": side for n in range(10)} for side in "12"]
    slower = {f"m{n}": math.log(1.05) for n in range(10)}
    bench = Bench(Code(keys[0]), Code(keys[1]), slower)
    gate(bench, monkeypatch)
    assert len(bench.timed) > 11
    assert bench.timed[0] == list(keys[0])


def test_only_what_is_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(Code({"nce": "1"}), Code({"nce": "1"}))
    found = gate(bench, monkeypatch, everything=True, measures=frozenset({Measure.TIME}))
    assert verdicts(found, "nce") == {"step": "same"}
    assert bench.head.asked == []


def test_names_hold_seeds() -> None:
    assert at_seed("a/b/0/cpu", 3).split("/")[::2] == ["a", "3"]
