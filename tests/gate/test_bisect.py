"""The search for a commit in a real repository; what gates would find stands in its file."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, Self

import pytest

from ebmbench.errors import UsageError
from ebmbench.gate import bisect as module
from ebmbench.gate.bisect import COUNTERS, Found, Step, bisect
from ebmbench.gate.cases import QUALITY, TIME
from ebmbench.gate.gate import Gate
from ebmbench.gate.planning import Planned, Scope
from ebmbench.gate.searching import Judged
from ebmbench.gate.session import Asked
from ebmbench.gate.sides import SideFailed, Work
from ebmbench.gate.trees import Tree
from ebmbench.gate.verdicts import Finding, Judgement, Measure, Verdict, compared, judged
from ebmbench.training.counting import Costs
from tests.repositories import commit, start

SUITE = "name: mine\ndatasets: [moons]\nmethods: [nce]\nbudget: {steps: 5}\nplugins: [nce.json]\n"
KL = [{"title": "density", "metric": "kl", "scale": "ratio"}]
GOOD = {"rows": 10, "kl": 0.1, "time": 1.0}


def code(tree: Tree) -> dict[str, Any]:
    """What a commit would do: the numbers of its methods."""
    text = (tree.root / "nce.json").read_text()
    if text == "broken":
        raise SideFailed(f"{tree.label}: SyntaxError: line 1")
    found: dict[str, Any] = json.loads(text)
    return found


class Plans:
    """A side that plans."""

    def __init__(self, tree: Tree, log: Path) -> None:
        self.tree = tree

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *of: object) -> None:
        pass

    def open(self, work: Work, seeds: Sequence[int]) -> None:
        code(self.tree)

    def ask(self, do: str) -> Any:
        said = {"dataset": "moons", "seed": 0, "reference": False, "rulers": KL, "metrics": {"kl": "1"}}
        numbers = code(self.tree).items()
        return {"trials": {f"{name}/moons/0/cpu": {**said, "key": json.dumps(of)} for name, of in numbers}}


@pytest.fixture
def gates(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The measures of the gates that were done."""
    done: list[str] = []

    def run(gate: Gate) -> Judgement:
        (measure,) = gate.settings.measures
        done.append(f"{measure} {gate.head.label[-9:-1]}")
        base, head = code(gate.base), code(gate.head)
        first, last = (Planned.of(Plans(tree, Path()).ask("plan")) for tree in (gate.base, gate.head))
        scope = Scope.of(first, last)
        findings = [one for name in scope.touched for one in findings_of(name, measure, base[name], head[name])]
        return Judgement("mine", gate.base.label, gate.head.label, "here", tuple(findings), scope.untouched)

    monkeypatch.setattr(module, "Side", Plans)
    monkeypatch.setattr(Gate, "run", run)
    return done


def findings_of(method: str, measure: Measure, base: dict[str, Any], head: dict[str, Any]) -> list[Finding]:
    if measure is Measure.WORK:
        return [compared(method, "gradient_rows", base["rows"], head["rows"])]
    if measure is Measure.TIME:
        pairs = [math.log(head["time"] / base["time"]) + 1e-6] * head.get("pairs", 20)
        return [judged(method, measure, "step", pairs, math.log1p(TIME), 0.01)]
    if head["kl"] is None:
        crash = Finding(method, Measure.OUTCOME, "status", Verdict.REGRESSED, why="crashed: boom")
        return [judged(method, measure, "kl", [], math.log1p(QUALITY), 0.01), crash]
    return [judged(method, measure, "kl", [math.log(head["kl"] / base["kl"])] * 20, math.log1p(QUALITY), 0.01)]


def found(
    folder: Path, commits: Sequence[dict[str, Any] | str], metric: str | None = None, good: str | None = None
) -> tuple[Found, list[Step]]:
    """What is found in a history of the numbers of one method, of several, or of text that is none."""
    root, told = start(folder / "repository"), list[Step]()
    shas = []
    for number, content in enumerate(commits):
        several = content if isinstance(content, str) or "rows" not in content else {"nce": content}
        text = several if isinstance(several, str) else json.dumps(several)
        shas.append(commit(root, f"number {number}", {"nce.json": text, "suite.yaml": SUITE}))
    asked = Asked(root, folder / "results", str(root / "suite.yaml"))
    result = bisect(asked, good or shas[0], "main", metric, told.append)
    assert not list((folder / "results" / "gate").glob("*/.git")), "no worktree is left"
    assert tuple(told) == result.steps
    return result, told


def names(result: Found) -> list[str]:
    return [one.subject for one in result.suspects]


def test_the_commit_from_which_it_is_more_work(gates: list[str], tmp_path: Path) -> None:
    worse = {**GOOD, "rows": 20}
    result, told = found(tmp_path, [GOOD, GOOD, {**GOOD, "kl": 0.101}, worse, {**worse, "kl": 0.101}, worse])
    assert names(result) == ["number 3"]
    assert (result.metric, result.exit_code, result.suite) == ("gradient_rows", 0, "mine")
    assert result.finding is not None
    assert (result.finding.base, result.finding.head) == (10, 20)
    assert [step.said for step in told] == ["bad", "bad", "good"]
    assert told[1].why == f"the same code as {told[0].commit.short}"
    assert len(gates) == 2, "what is the same code is not measured again"


@pytest.mark.parametrize(
    ("change", "metric"),
    [({"kl": 0.12}, "kl"), ({"time": 1.05}, "time"), ({"kl": None}, "status"), ({"rows": 11, "kl": 0.2}, "kl")],
)
def test_each_metric(gates: list[str], tmp_path: Path, change: dict[str, Any], metric: str) -> None:
    others = [{**GOOD, "rows": rows, **change} for rows in (9, 8, 10)]
    result, _ = found(tmp_path, [GOOD, {**GOOD, "rows": 9}, {**GOOD, "rows": 8}, *others], metric)
    assert names(result) == ["number 3"]
    assert result.metric == metric
    assert {gate.partition(" ")[0] for gate in gates} == {"time" if metric == "time" else "quality"}


def test_what_is_worse_is_found_out_in_the_order_of_what_it_costs(gates: list[str], tmp_path: Path) -> None:
    result, _ = found(tmp_path, [GOOD, {**GOOD, "time": 1.05}, {**GOOD, "time": 1.06}])
    assert (names(result), result.metric) == (["number 1"], "time")
    assert [gate.partition(" ")[0] for gate in gates] == ["work", "quality", "time", "time"]


def test_what_cannot_be_judged_is_skipped(gates: list[str], tmp_path: Path) -> None:
    slow = {**GOOD, "time": 1.1}
    few = {**GOOD, "time": 1.02, "pairs": 3}
    result, told = found(tmp_path, [GOOD, {**GOOD, "rows": 9}, "broken", few, slow, {**slow, "rows": 9}], "time")
    assert names(result) == ["number 2", "number 3", "number 4"]
    assert result.exit_code == 4
    assert result.finding is not None
    assert result.finding.change == pytest.approx(1.1, rel=1e-4)
    skipped = {step.commit.subject: step.why for step in told if step.said is Judged.SKIP}
    assert skipped["number 2"].endswith("SyntaxError: line 1")
    assert "nce time undecided (about 7 more pairs would decide it)" in skipped["number 3"]


def test_a_crash_on_the_way_to_a_loss_of_quality_is_skipped(gates: list[str], tmp_path: Path) -> None:
    result, told = found(tmp_path, [GOOD, {**GOOD, "kl": None}, {**GOOD, "kl": 0.2}], "kl")
    assert names(result) == ["number 1", "number 2"]
    assert "nce status regressed: crashed: boom" in told[-1].why


def test_a_method_that_was_gone_meanwhile(gates: list[str], tmp_path: Path) -> None:
    worse = {**GOOD, "rows": 20}
    history = [{"nce": GOOD}, {"other": GOOD}, {"nce": {**GOOD, "kl": 0.2}}, {"nce": worse, "other": GOOD}]
    result, told = found(tmp_path, history)
    assert names(result) == ["number 3"]
    assert [step.said for step in told] == ["bad", "good"]
    result, told = found(tmp_path / "again", [history[0], history[1], history[3]])
    assert names(result) == ["number 1", "number 2"]


@pytest.mark.parametrize(
    ("last", "metric", "said"),
    [
        (GOOD, "kl", r"[0-9a-f]{8} is not worse than [0-9a-f]{8}: nce: the same code, kl same"),
        ({**GOOD, "kl": 0.105}, "kl", r"is not worse than [0-9a-f]{8}: nce kl same"),
        ({**GOOD, "kl": 0.05}, "kl", r"nce kl better"),
        ({**GOOD, "time": 1.04, "pairs": 3}, None, r"nce gradient_rows same; nce kl same; nce time undecided"),
        ({**GOOD, "kl": None}, "kl", r"nce kl undecided.*nce status regressed: crashed: boom"),
        ("broken", "kl", r"SyntaxError: line 1"),
        (GOOD, "klx", r"--metric klx: is not judged here; did you mean 'kl'"),
    ],
)
def test_a_bad_commit_that_is_not_worse(
    gates: list[str], tmp_path: Path, last: dict[str, Any] | str, metric: str | None, said: str
) -> None:
    with pytest.raises(UsageError, match=said):
        found(tmp_path, [GOOD, {**GOOD, "rows": 9}, last], metric)


def test_counters_are_those_of_a_side() -> None:
    assert (*(one.name for one in fields(Costs)), "peak_bytes") == COUNTERS
