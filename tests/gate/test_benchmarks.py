"""Two files of pytest-benchmark: the interval by simulation, counters exactly, and files that are none."""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import binom, norm

from ebmbench.errors import UsageError
from ebmbench.gate.benchmarks import ALPHA, NO_DATA, TWO_PROCESSES, block_medians, fewest, interval, judge
from ebmbench.gate.verdicts import Finding, Judgement, Measure, Verdict

MACHINE = {
    "node": "here",
    "processor": "x86_64",
    "machine": "x86_64",
    "python_compiler": "GCC",
    "python_implementation": "CPython",
    "python_version": "3.11.7",
    "python_build": ["main", "today"],
    "release": "6.1",
    "system": "Linux",
    "cpu": {"brand_raw": "A processor", "arch_string_raw": "x86_64", "count": 2, "hz_actual_friendly": "2.1 GHz"},
}
Rounds = Sequence[float] | None


def entry(name: str, data: Rounds, **extra: Any) -> dict[str, Any]:
    """A benchmark as pytest-benchmark 5 writes it; without data as it does without --benchmark-save-data."""
    stats = {
        "min": 0.5,
        "max": 1.5,
        "mean": 1.0,
        "stddev": 0.1,
        "rounds": 5,
        "median": 1.0,
        "iqr": 0.1,
        "iterations": 1,
    }
    if data is not None:
        stats |= {"data": list(data), "median": float(np.median(data)) if data else 1.0}  # type: ignore[dict-item]
    return {
        "group": None,
        "name": name,
        "fullname": f"tests/perf/test_speed.py::{name}",
        "extra_info": extra,
        "stats": stats,
    }


def document(*entries: dict[str, Any], **facts: Any) -> dict[str, Any]:
    """A whole file."""
    commit = {"id": "4177ab9" + 33 * "0", "dirty": False}
    return {"machine_info": MACHINE, "commit_info": commit, "benchmarks": list(entries), "version": "5.3.1", **facts}


@pytest.fixture
def put(tmp_path: Path) -> Callable[[Any, Any], tuple[Path, Path]]:
    def put(base: Any, head: Any) -> tuple[Path, Path]:
        for name, held in (("base.json", base), ("head.json", head)):
            (tmp_path / name).write_text(held if isinstance(held, str) else json.dumps(held))
        return tmp_path / "base.json", tmp_path / "head.json"

    return put


Put = Callable[[Any, Any], tuple[Path, Path]]


def of(judged: Judgement, name: str = "seconds") -> Finding:
    """The finding of that name."""
    (found,) = (finding for finding in judged.findings if finding.name == name)
    return found


def noisy(seed: int, n: int, factor: float = 1.0) -> list[float]:
    """Lopsided rounds, a few per cent above their floor."""
    draws = np.random.default_rng(seed).exponential(0.03, size=n)
    return [float(value) for value in factor * (1 + draws) * 1e-3]


# --- the interval ----------------------------------------------------------------------------------------------------


def test_blocks_are_consecutive_and_as_long_as_can_be() -> None:
    assert block_medians([1.0, 2.0, 3.0, 10.0, 20.0, 30.0, 40.0], 3) == [1.5, 6.5, 30.0]
    assert block_medians([3.0, 1.0, 2.0], 3) == [3.0, 1.0, 2.0]
    values = noisy(0, 1001)
    assert block_medians(values, 1) == [pytest.approx(np.median(values))]


def test_the_fewest_rounds_are_those_that_say_anything() -> None:
    """All of them lie on one side of the median with probability 2^(1 - n), and half of alpha is for each side."""
    for alpha in (0.1, 0.01, 0.001):
        n = fewest(alpha)
        assert 2.0 ** (1 - n) <= alpha / 2 < 2.0 ** (2 - n)
        assert interval([1.0] * n, [1.0] * n, alpha) == (0.0, 0.0)
        assert interval([1.0] * n, [1.0] * (n - 1), alpha) == (-math.inf, math.inf)


def normal_theory(base: np.ndarray, head: np.ndarray, alpha: float) -> tuple[float, float]:
    """A wrong twin: means and their standard errors."""
    means = [np.log(side).mean() for side in (base, head)]
    error = math.sqrt(sum(np.log(side).var(ddof=1) / len(side) for side in (base, head)))
    half = float(norm.ppf(1 - alpha / 2)) * error
    return means[1] - means[0] - half, means[1] - means[0] + half


def single_rounds(base: np.ndarray, head: np.ndarray, alpha: float) -> tuple[float, float]:
    """A wrong twin: between order statistics of the rounds, as if they were independent."""
    ends = []
    for side in (base, head):
        cut = int(binom.ppf(alpha / 4, len(side), 0.5)) - 1
        ordered = np.log(np.sort(side))
        ends.append((ordered[cut], ordered[-1 - cut]))
    return ends[1][0] - ends[0][1], ends[1][1] - ends[0][0]


def lopsided(rng: np.random.Generator) -> np.ndarray:
    """Independent rounds of a median of 1 with a long tail."""
    return np.exp(0.05 * (rng.exponential(size=240) - math.log(2)))


def busy(rng: np.random.Generator) -> np.ndarray:
    """Rounds of a median of 1 on a machine that is now fast and now slow, for ten rounds on average."""
    slow = np.cumsum(rng.random(240) < 0.1) % 2 ^ rng.integers(2)
    return np.exp(0.1 * (slow - 0.5) + 0.02 * rng.normal(size=240))


def even(rng: np.random.Generator) -> np.ndarray:
    """Independent rounds of a median of 1."""
    return np.exp(0.05 * rng.normal(size=240))


Noise = Callable[[np.random.Generator], np.ndarray]


def misses(rule: Callable[..., tuple[float, float]], base: Noise, head: Noise, sets: int = 500) -> float:
    """How often an interval of 90 % leaves out the ratio of medians, 1.1."""
    rng, missed = np.random.default_rng(0), 0
    for _ in range(sets):
        low, high = rule(base(rng), 1.1 * head(rng), 0.1)
        missed += not low <= math.log(1.1) <= high
    return missed / sets


@pytest.mark.long
def test_the_interval_holds_whatever_the_noise() -> None:
    for noise in (even, lopsided, busy):
        assert misses(interval, even, noise) <= 0.1
    assert misses(normal_theory, even, lopsided) > 0.5, "a mean is no median"
    assert misses(single_rounds, even, lopsided) <= 0.1
    assert misses(single_rounds, even, busy) > 0.2, "rounds that follow each other are alike"


def test_the_interval_shrinks_with_the_root_of_the_rounds() -> None:
    def width(n: int) -> float:
        ends = [interval(noisy(2 * seed, n), noisy(2 * seed + 1, n), 0.01) for seed in range(20)]
        return float(np.mean([high - low for low, high in ends]))

    assert width(100) / width(1600) == pytest.approx(4, rel=0.25)


# --- verdicts --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("factor", "verdict", "code"),
    [(1.0, Verdict.SAME, 0), (1.2, Verdict.REGRESSED, 3), (0.8, Verdict.BETTER, 0), (1.05, Verdict.UNDECIDED, 4)],
)
def test_a_timing_is_judged_by_its_medians(put: Put, factor: float, verdict: Verdict, code: int) -> None:
    base, head = (document(entry("test_step", noisy(seed, 300, f))) for seed, f in ((0, 1.0), (1, factor)))
    judged = judge(*put(base, head), 0.05)
    found = of(judged)
    assert (found.verdict, judged.exit_code) == (verdict, code)
    assert found.method == "tests/perf/test_speed.py::test_step"
    assert (found.measure, found.pairs) == (Measure.TIME, 300)
    assert found.limit == pytest.approx(1.05)
    assert found.change == pytest.approx(factor, rel=0.01)
    assert found.low < factor < found.high
    assert found.base == pytest.approx(np.median(noisy(0, 300)))
    assert (judged.base, judged.head) == ("base.json (4177ab9)", "head.json (4177ab9)")
    assert judged.machine == "here, A processor"
    assert judged.notes == (TWO_PROCESSES,)


def test_a_mean_would_be_moved_by_one_bad_round(put: Put) -> None:
    """One round of a second among a thousand of a millisecond."""
    bad = [*noisy(1, 999), 1.0]
    assert np.mean(bad) > 1.5 * np.mean(noisy(0, 1000)), "the wrong twin"
    assert (
        of(judge(*put(document(entry("a", noisy(0, 1000))), document(entry("a", bad))), 0.05)).verdict is Verdict.SAME
    )


def test_more_benchmarks_make_each_interval_wider(put: Put) -> None:
    names = [f"test_{k}" for k in range(50)]
    one = [document(entry("test_0", noisy(seed, 200))) for seed in (0, 1)]
    all_of_them = [document(*(entry(name, noisy(seed, 200)) for name in names)) for seed in (0, 1)]
    few, many = judge(*put(*one), 0.05).findings[0], judge(*put(*all_of_them), 0.05).findings[0]
    assert many.low < few.low < few.high < many.high


@pytest.mark.long
def test_no_false_alarms_in_many_files(put: Put) -> None:
    """All of ten benchmarks of a hundred pairs of files that differ by chance."""
    alarms = 0
    for seed in range(100):
        sides = [
            document(*(entry(f"t{k}", noisy(1000 * seed + 20 * k + side, 30)) for k in range(10))) for side in (0, 1)
        ]
        alarms += judge(*put(*sides), 0.001).verdict is Verdict.REGRESSED
    assert alarms <= 1 + 100 * ALPHA


def test_too_few_rounds_say_how_many_more(put: Put) -> None:
    found = of(judge(*put(document(entry("a", [1.0] * 5)), document(entry("a", [2.0] * 7))), 0.05))
    assert (found.verdict, found.pairs, found.more) == (Verdict.UNDECIDED, 5, fewest(ALPHA) - 5)
    assert (found.low, found.high) == (0.0, math.inf)


def test_what_is_undecided_says_how_many_more_about(put: Put) -> None:
    found = of(judge(*put(document(entry("a", noisy(0, 40))), document(entry("a", noisy(1, 40)))), 0.01))
    assert found.verdict is Verdict.UNDECIDED
    assert found.more is not None
    n = 2 * (40 + found.more)
    again = of(judge(*put(document(entry("a", noisy(0, n))), document(entry("a", noisy(1, n)))), 0.01))
    assert again.verdict is not Verdict.UNDECIDED


@pytest.mark.parametrize("kept", [(None, [1.0] * 20), ([1.0] * 20, None), (None, None), ([], [1.0] * 20)])
def test_without_rounds_nothing_is_decided(put: Put, kept: tuple[Rounds, Rounds]) -> None:
    """The medians that were saved are said all the same."""
    found = of(judge(*put(*(document(entry("a", data)) for data in kept)), 0.05))
    assert (found.verdict, found.why, found.more) == (Verdict.UNDECIDED, NO_DATA, None)
    assert (found.change, found.base, found.head) == (1.0, 1.0, 1.0)


# --- counters --------------------------------------------------------------------------------------------------------


def test_counters_are_compared_exactly(put: Put) -> None:
    base = entry(
        "a", noisy(0, 300), passes=256.0, flops=10**6, rows=7, gone=1, told="cpu", on=True, measured={"s": 1.0}
    )
    head = entry(
        "a", noisy(1, 300), passes=256.0, flops=10**6 + 1, rows=6, new=1, told="gpu", on=False, measured={"s": 2.0}
    )
    judged = judge(*put(document(base), document(head)), 0.1)
    assert {f.name: (f.verdict, f.base, f.head) for f in judged.findings if f.measure is Measure.WORK} == {
        "passes": (Verdict.SAME, 256.0, 256.0),
        "flops": (Verdict.REGRESSED, 1e6, 1e6 + 1),
        "rows": (Verdict.BETTER, 7.0, 6.0),
    }
    assert judged.exit_code == 3
    assert judged.notes[1:] == ("tests/perf/test_speed.py::a: only one file has the counters gone, new",)


def test_a_benchmark_that_is_new_or_gone_is_said(put: Put) -> None:
    sides = [document(*(entry(name, noisy(0, 300)) for name in names)) for names in ("ab", "bcdefgh")]
    judged = judge(*put(*sides), 0.05)
    assert [finding.method[-1] for finding in judged.findings] == ["b"]
    assert judged.notes[1].startswith("6 new, and compared with nothing: tests/perf/test_speed.py::c, ")
    assert judged.notes[1].endswith("::g, ...")
    assert judged.notes[2] == "1 gone, and compared with nothing: tests/perf/test_speed.py::a"


# --- files that are none ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"node": "there"}, "node is here in base.json and there in head.json"),
        ({"python_version": "3.13.0"}, "python_version is 3.11.7 in base.json and 3.13.0 in head.json"),
        ({"cpu": {"brand_raw": "Another"}}, "cpu brand_raw is A processor in base.json and Another in head.json"),
        ({"cpu": None}, "cpu brand_raw is A processor in base.json and unknown in head.json"),
    ],
)
def test_timings_of_another_machine_are_refused_by_name(put: Put, change: dict[str, Any], said: str) -> None:
    one = entry("a", noisy(0, 30))
    with pytest.raises(UsageError) as error:
        judge(*put(document(one), document(one, machine_info={**MACHINE, **change})), 0.05)
    assert str(error.value) == f"timings of another machine are not compared: {said}"


def test_the_same_machine_at_another_moment_is_the_same(put: Put) -> None:
    later = copy.deepcopy(MACHINE)
    later["cpu"]["hz_actual_friendly"] = "2.9 GHz"  # type: ignore[index]
    one = entry("a", noisy(0, 300))
    assert judge(*put(document(one), document(one, machine_info=later)), 0.05).exit_code == 0


def without(name: str) -> dict[str, Any]:
    made = document(entry("a", [1.0]))
    del made[name]
    return made


def broken(**stats: Any) -> dict[str, Any]:
    made = document(entry("a", [1.0]))
    made["benchmarks"][0]["stats"] |= stats
    return made


@pytest.mark.parametrize(
    ("held", "said"),
    [
        ("", "Invalid JSON"),
        ('{"benchmarks": [', "Invalid JSON"),
        ("[]", "object"),
        (without("benchmarks"), "benchmarks: Field required"),
        (without("machine_info"), "machine_info: Field required"),
        (document(), "benchmarks: Tuple should have at least 1 item"),
        (broken(data=[1.0, -1.0]), "benchmarks.0.stats.data.1: Input should be greater than or equal to"),
        (broken(data=[1.0, "x"]), "benchmarks.0.stats.data.1: Input should be a valid number"),
        (broken(data=[math.nan]), "benchmarks.0.stats.data.0: Input should be a finite number"),
        (broken(median=None), "benchmarks.0.stats.median: Input should be a valid number"),
        (document(entry("a", [1.0]), entry("a", [1.0])), "'tests/perf/test_speed.py::a' stands in it twice"),
        (document(entry("b", [1.0])), "have no benchmark in common"),
    ],
)
def test_a_damaged_file_is_bad_input(put: Put, held: Any, said: str) -> None:
    base, head = put(document(entry("a", [1.0])), held)
    with pytest.raises(UsageError) as error:
        judge(base, head, 0.05)
    assert said in str(error.value)
    assert str(head) in str(error.value)


def test_a_file_that_is_not_there_is_bad_input(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"base\.json: cannot be read: No such file"):
        judge(tmp_path / "base.json", tmp_path / "head.json", 0.05)


@pytest.mark.parametrize(
    ("commit", "called"),
    [
        (None, "head.json"),
        ({}, "head.json"),
        ({"id": None}, "head.json"),
        ({"id": "0123456789", "dirty": True, "branch": "x"}, "head.json (0123456 with changes)"),
    ],
)
def test_sides_are_called_by_their_files_and_commits(put: Put, commit: Any, called: str) -> None:
    one = entry("a", noisy(0, 30))
    assert judge(*put(document(one), document(one, commit_info=commit)), 0.05).head == called
