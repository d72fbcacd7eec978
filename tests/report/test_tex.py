"""LaTeX: tables that compile, names that are text whatever they hold, numbers as Markdown has them."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from ebmbench.contracts.records import Status, Strategy
from ebmbench.report.markdown import leaderboard as markdown
from ebmbench.report.tex import escaped, figure, leaderboard
from ebmbench.store.runs import TrialResult
from tests.factories import make_report, make_trial, make_view


def ended(row: str, kl: float, skill: float = 0.5, **facts: Any) -> TrialResult:
    return make_trial(make_view(row, **facts), {"kl": kl, "skill": skill})


def tables(*trials: TrialResult, **facts: Any) -> list[str]:
    """The table environments."""
    text = leaderboard(make_report(trials, **facts))
    assert text.startswith("% Needs \\usepackage{booktabs}.\n")
    return re.findall(r"\\begin\{table\}.*?\\end\{table\}", text, flags=re.DOTALL)


def rows(table: str) -> list[list[str]]:
    """The cells of the rows, the head first."""
    lines = [line.strip() for line in table.splitlines() if line.rstrip().endswith("\\\\")]
    return [re.split(r"(?<!\\) ?& ?", line.removesuffix("\\\\").strip()) for line in lines]


# --- structure -------------------------------------------------------------------------------------------------------


def test_a_table_for_each_board_and_one_of_the_headline() -> None:
    trials = [
        ended(row, kl, 1 - kl, dataset=name) for row, kl in (("b", 0.2), ("a", 0.1)) for name in ("moons", "rings")
    ]
    density, order, skill = tables(*trials, ended("oracle", 1e-9, 1.0, strategy=Strategy.REFERENCE))
    for table in (density, order, skill):
        rules = re.findall(r"\\(\w+rule)", table)
        assert rules == ["toprule", *["midrule"] * (2 if table is skill else 1), "bottomrule"]
        align = re.search(r"\\begin\{tabular\}\{@\{\}([lr]+)@\{\}\}", table)
        assert align is not None
        assert {len(row) for row in rows(table)} == {len(align.group(1))}
    assert "\\label{tab:toy-density}" in density
    assert "\\caption{toy: Density (forward KL in nats" in density
    assert [row[1] for row in rows(density)] == ["method", "\\textbf{a}", "b"], "the best first, in bold"
    assert "oracle" not in density
    assert [row[0] for row in rows(skill)] == ["method", "b", "a", "oracle"]
    assert skill.index("midrule", skill.index("    a &")) < skill.index("oracle"), "reference rows stand apart"


def test_the_best_of_each_dataset_is_bold_and_no_reference_row() -> None:
    skills = {"a": (0.9, 0.5), "b": (0.8, 0.7), "c": (0.9, 0.1)}
    trials = [
        ended(row, 0.1, skill, dataset=name)
        for row, both in skills.items()
        for name, skill in zip("xy", both, strict=True)
    ]
    trials += [ended("oracle", 0.0, 1.0, dataset=name, strategy=Strategy.REFERENCE) for name in "xy"]
    bold = {row[0]: [cell.startswith("\\textbf") for cell in row[1:]] for row in rows(tables(*trials)[-1])[1:]}
    assert bold == {"a": [True, False], "b": [False, True], "c": [True, False], "oracle": [False, False]}


def test_where_little_is_good_the_least_is_bold() -> None:
    trials = [
        make_trial(make_view(row, track="user_data"), {"nll_beta": nll}) for row, nll in (("a", 1.0), ("b", -2.5))
    ]
    assert [row[1] for row in rows(tables(*trials)[-1])[1:]] == ["1.000", "\\textbf{$-$2.500}"]


def test_numbers_are_those_of_markdown() -> None:
    trials = [
        ended(row, kl, dataset=name, seed=seed)
        for row, kl in (("a", 0.1), ("b", 0.37))
        for name in "xyz"
        for seed in range(3)
    ]
    density = rows(tables(*trials)[0])
    page = markdown(make_report(trials))
    for row in density[1:]:
        name, factor = (cell.removeprefix("\\textbf{").removesuffix("}") for cell in (row[1], row[3]))
        line = next(line for line in page.splitlines() if f" {name} |" in line)
        assert factor in line.replace("\\", "")


def test_many_datasets_stand_in_several_tables() -> None:
    trials = [ended("a", 0.1, dataset=f"d{k}") for k in range(8)]
    first, second = tables(*trials)[-2:]
    assert (len(rows(first)[0]), len(rows(second)[0])) == (7, 3)
    assert "\\label{tab:toy-plane-1}" in first
    assert "\\label{tab:toy-plane-2}" in second


def test_everything_failed_or_nothing_ended() -> None:
    failed = [make_trial(make_view("a"), status=Status.CRASHED)]
    (table,) = tables(*failed)
    assert rows(table)[1] == ["a", "\\textbf{$-$1.000}"]
    assert tables(make_trial(make_view("a"), status=None)) == []


# --- names -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain-name.2", "plain-name.2"),
        ("a_b", r"a\_b"),
        ("50 % & $x$ #1", r"50 \% \& \$x\$ \#1"),
        ("{x}", r"\{x\}"),
        ("\\input{x}", r"\textbackslash{}input\{x\}"),
        ("a^b~c", r"a\textasciicircum{}b\textasciitilde{}c"),
        ("<b>|", r"\textless{}b\textgreater{}\textbar{}"),
        ("a--b,,c''", "a-{}-b,{},c'{}'"),
        ("é ñ β ↑ W₂ ²", r"\'{e} \~{n} $\beta$ $\uparrow$ W\textsubscript{2} \textsuperscript{2}"),
        ("中☃", "[U+4E2D][U+2603]"),
        ("a\nb\x1b", "a b[U+FFFD]"),
    ],
)
def test_a_name_is_text(text: str, shown: str) -> None:
    assert escaped(text) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [("-", "--"), ("-0.5", "$-$0.5"), ("1-4", "1--4"), ("4e-04", "4e$-$04"), ("-5e-05", "$-$5e$-$05"), ("1.2", "1.2")],
)
def test_a_number_has_a_minus_and_a_range_a_dash(text: str, shown: str) -> None:
    assert figure(text) == shown


def test_a_row_that_begins_with_a_star_or_bracket_belongs_to_no_line_break() -> None:
    r"""``\\*`` and ``\\[`` are commands of their own, across the end of the line."""
    for table in tables(ended("[a]", 0.1), ended("*b", 0.2)):
        assert not re.search(r"\\\\\s*(\\midrule)?\s*[*\[]", table)
        assert not re.search(r"\\midrule\s*[*\[]", table)


HOSTILE = (
    "*a_b",
    "[c]",
    "\\input{/etc/hosts}",
    "a&b$c#d^e~f%g",
    "é β 中 ☃ “q”",
    "x--y",
    "<b>\"'|",
    "\x1b[31m",
    "#1}",
    "\\\\",
)


@pytest.mark.process
@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
def test_it_compiles(tmp_path: Path) -> None:
    trials = [ended(row, 0.1 * (k + 1), dataset=name) for k, row in enumerate(HOSTILE) for name in ("m&n$", "[o]")]
    (tmp_path / "table.tex").write_text(leaderboard(make_report(trials, suite="to%y_\\x")))
    page = r"\documentclass{article}\usepackage{booktabs}\begin{document}\input{table}\end{document}"
    (tmp_path / "page.tex").write_text(page)
    command = ["pdflatex", "-halt-on-error", "-interaction=nonstopmode", "-no-shell-escape", "page.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, errors="replace", check=False)
    if "File `booktabs.sty' not found" in done.stdout:
        pytest.skip("the booktabs package is not installed")
    assert done.returncode == 0, done.stdout[-2000:]
    assert "Missing character" not in (tmp_path / "page.log").read_text(errors="replace")
