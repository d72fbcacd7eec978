"""What changed, in words: one sentence first, numbers as they are, names that are never markup."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from rich.console import Console

from ebmbench.analysis.comparison import Comparison
from ebmbench.analysis.intervals import Estimate
from ebmbench.contracts.records import Status, Strategy
from ebmbench.report.comparison import as_json, markdown, sentences, summary, terminal, times
from tests.sides import compared, costing, ended, levels

Levels = dict[str, list[float | None]]
BASE: Levels = {name: [0.01, 0.02, 0.03] for name in ("vortex", "wells", "xor", "yarn", "zebra")}


def scaled(*factors: float) -> Levels:
    return {name: [f * kl for f, kl in zip(factors, (0.01, 0.02, 0.03), strict=True)] for name in BASE}


def shown(found: Comparison, width: int = 100) -> str:
    out = io.StringIO()
    Console(file=out, width=width).print(terminal(found))
    return out.getvalue()


@pytest.fixture(scope="module")
def several() -> Comparison:
    """One method of each sort."""
    factors = {"same": (1, 1, 1), "tied": (1.05, 1.04, 1.06), "worse": (1.3, 1.3, 1.3), "better": (0.5, 0.5, 0.5)}
    factors |= {"noisy": (0.2, 1.0, 5.0)}
    a = [trial for row in factors for trial in levels(row, BASE)]
    b = [trial for row, times in factors.items() for trial in levels(row, scaled(*times))]
    return compared(a, b)


def test_one_sentence_says_it(several: Comparison) -> None:
    said = summary(several)
    assert said.startswith("Of 5 methods on 5 datasets (75 pairs of trials), 1 is identical; 1 is tied (tied); ")
    assert "worse is worse by 1.30 [1.30, 1.30] in density" in said
    assert "better is better by 2.00 [2.00, 2.00] in density" in said
    assert said.endswith("1 is undecided (noisy).")


def test_where_most_has_changed_is_said() -> None:
    b: Levels = {**scaled(1.2, 1.2, 1.2), "wells": [0.1, 0.2, 0.3]}
    assert "in density, most on wells" in summary(compared(levels("nce", BASE), levels("nce", b)))


def test_all_identical_and_nothing_in_common() -> None:
    trials = [*levels("nce", BASE), *levels("oracle", BASE, strategy=Strategy.REFERENCE)]
    found = compared(trials, trials)
    assert summary(found) == "Of 2 methods on 5 datasets (30 pairs of trials), all are identical."
    assert "All pairs are one and the same trial of the store." in list(sentences(found))
    other = compared(levels("nce", BASE), levels("gmm", BASE))
    assert summary(other) == "The two runs have no trial in common."
    assert list(sentences(other)) == ["In A alone: methods nce.", "In B alone: methods gmm."]


def test_new_failures_and_mended_ones() -> None:
    b = {**BASE, "wells": [0.01, 0.02, None]}
    found = compared(levels("nce", BASE), levels("nce", b))
    assert "nce is worse in density, with 1 new failure; nce is worse in order, with 1 new failure." in summary(found)
    assert "nce, 1 trial diverged in B, not in A: Boom: loss is nan (nce/wells/2/cpu)." in list(sentences(found))
    back = compared(levels("nce", b), levels("nce", BASE))
    assert "nce is better in density, with 1 failure mended" in summary(back)
    assert "nce, 1 trial diverged in A, not in B: Boom: loss is nan (nce/wells/2/cpu)." in list(sentences(back))


def test_everything_failed() -> None:
    trials = levels("nce", {"xor": [None, None]})
    said = summary(compared(trials, trials))
    assert said == "Of 1 method on 1 dataset (2 pairs of trials), nce has no number to compare."


def test_one_seed_decides_nothing() -> None:
    found = compared([ended("nce", 0.1)], [ended("nce", 0.2)])
    assert summary(found) == "Of 1 method on 1 dataset (1 pair of trials), 1 is undecided (nce)."
    assert "| nce | 2.00 | undecided |" in markdown(found)


def test_costs_and_why_seconds_are_not_compared() -> None:
    other = {"machine_id": "z", "started": "later"}
    a = [ended("nce", dataset=name, training=costing(1.0, 1000)) for name in BASE]
    b = [ended("nce", dataset=name, training=costing(1.0, 1500), attempt=other) for name in BASE]
    said = list(sentences(compared(a, b)))
    assert "Passes: nce takes 1.50 [1.50, 1.50] times as many." in said
    assert "Seconds of 5 pairs are not compared: another machine." in said


def test_what_is_in_one_alone_is_counted_and_named() -> None:
    a = [*levels("nce", BASE), ended("nce", dataset="late"), ended("nce", dataset="xor", seed=9)]
    b = [*levels("nce", {**BASE, "xor": [0.01, 0.02]}), ended("new", status=None)]
    said = list(sentences(compared(a, b)))
    assert "In A alone: datasets late; seeds 9; 1 more trial." in said
    assert "1 trial of B has not ended." in said


def test_many_names_are_cut() -> None:
    a, b = ([trial for k in range(9) for trial in levels(f"m{k}", {"x": [kl]})] for kl in (0.1, 0.3))
    assert "9 are undecided (m0, m1, m2, m3, m4, m5, and 3 more)" in summary(compared(a, b))


@pytest.mark.parametrize(
    ("ratio", "inverse", "text"),
    [
        (Estimate(1.306, 1.2, 1.43), False, "1.31 [1.20, 1.43]"),
        (Estimate(0.5, 0.25, 0.8), True, "2.00 [1.25, 4.00]"),
        (Estimate(1456.0, 12.3, float("inf")), False, "1,500 [12, inf]"),
        (Estimate(0.0, 0.0, 0.004), False, "0 [0, 0.004]"),
        (Estimate(0.0, 0.0, 0.5), True, "inf [2.00, inf]"),
        (Estimate(3.0), False, "3.00"),
        (None, False, "-"),
    ],
)
def test_factors(ratio: Estimate | None, inverse: bool, text: str) -> None:
    assert times(ratio, inverse) == text


# --- forms -----------------------------------------------------------------------------------------------------------


def test_a_terminal_shows_words_then_tables(several: Comparison) -> None:
    text = shown(several)
    assert text.index("Of 5 methods") < text.index("Density") < text.index("Order") < text.index("B over A: the loss")
    assert max(map(len, shown(several, 80).splitlines())) <= 80


def test_markdown_has_the_same(several: Comparison) -> None:
    text = markdown(several)
    assert summary(several).replace("[", r"\[").replace("]", r"\]") in text
    assert r"| worse | 1.30 \[1.30, 1.30\] | worse |" in text
    assert [line for line in text.splitlines() if line.startswith("## ")] == ["## Density", "## Order"]


def test_json_has_all_numbers(several: Comparison) -> None:
    document = json.loads(as_json(several))
    assert document["summary"] == summary(several)
    assert document["methods"] == {
        "same": "identical",
        "tied": "tied",
        "worse": "worse",
        "better": "better",
        "noisy": "undecided",
    }
    worse = next(one for one in document["shifts"] if one["method"] == "worse")
    assert (worse["measure"], worse["pairs"]) == ("Density", 15)
    assert worse["value"] == pytest.approx(1.3)
    assert worse["datasets"] == pytest.approx(dict.fromkeys(BASE, 1.3))


def test_json_holds_what_it_has_no_number_for() -> None:
    whole = compared(levels("nce", {"x": [0.1], "y": [0.1]}), levels("nce", {"x": [0.1], "y": [None]}))
    (one, *_) = json.loads(as_json(whole))["shifts"]
    assert (one["value"], one["datasets"]["y"], one["failed"]) == ("inf", "inf", 1)


HOSTILE = "a|b<img src=x>`c`*d*[e](f)$\x1b[31m"


def test_names_are_never_markup_nor_codes() -> None:
    facts: dict[str, Any] = {"dataset": HOSTILE}
    a = [ended(HOSTILE, 0.1, seed=seed, **facts) for seed in range(3)]
    b = [ended(HOSTILE, 0.5, seed=seed, **facts) for seed in range(2)]
    b += [ended(HOSTILE, None, seed=2, **facts), ended("<b>", status=Status.OK)]
    found = compared(a, b)
    for text in (markdown(found), shown(found, 300)):
        assert "\x1b" not in text
    text = markdown(found)
    assert "<img" not in text.replace(r"\<img", "")
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    assert {row.replace(r"\|", "").count("|") for row in rows} == {7}
    assert "[31m" in shown(found, 300), "rich takes no name for markup"
