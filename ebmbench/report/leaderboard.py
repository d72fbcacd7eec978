"""The leaderboard: methods by family and strategy, in terminal, Markdown and CSV."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING

from ebmbench.analysis.aggregate import FAILED_SKILL, NLL, Line, Ranking
from ebmbench.analysis.intervals import Estimate
from ebmbench.analysis.quality import TARGETS, pace
from ebmbench.contracts import EnergyKind
from ebmbench.report.remarks import notes
from ebmbench.suite.errors import printable

if TYPE_CHECKING:
    from rich.console import RenderableType

FAMILIES = ("contrastive", "architectural", "reference")
BEST, TIE = "*", "~"


@dataclass(frozen=True)
class Column:
    """A column of the leaderboard."""

    title: str
    text: Callable[[Line], str]


@dataclass(frozen=True)
class Board:
    """A leaderboard ready to be shown."""

    suite: str
    lines: tuple[Line, ...]
    ranking: Ranking
    datasets: tuple[str, ...]

    @property
    def families(self) -> Iterator[tuple[str, list[Line]]]:
        """The lines of each family, in the order of the strategies."""
        for family in FAMILIES:
            members = [line for line in self.lines if line.strategy.family == family]
            if members:
                yield family, members

    @property
    def truthless(self) -> tuple[str, ...]:
        """The datasets whose density is not known."""
        views = [trial.view for line in self.lines for trial in line.trials]
        unknown = {view.dataset for view in views if not view.density_known}
        return tuple(dataset for dataset in self.datasets if dataset in unknown)

    @property
    def with_nll(self) -> tuple[str, ...]:
        """Those of them in which an NLL can be had: a lattice covers their domain."""
        return tuple(d for d in self.truthless if any(line.median(NLL, d) is not None for line in self.lines))

    @property
    def has_truth(self) -> bool:
        """Whether there is a dataset whose density is known, so that there is skill to rank by."""
        return not self.truthless or len(self.truthless) < len(self.datasets)

    def mark(self, line: Line) -> str:
        """``*`` for the best, ``~`` for what cannot be told from it."""
        if line.row == self.ranking.best:
            return BEST
        return TIE if line.row in self.ranking.ties else ""


def number(value: float | None) -> str:
    """Three significant digits or three decimals, a dash for nothing."""
    if value is None:
        return "-"
    if value != 0 and abs(value) < 5e-4:
        return f"{value:.0e}" if abs(value) > 1e-9 else "0.000"
    return f"{value:.3f}" if abs(value) < 100 else f"{value:,.0f}"


def interval(estimate: Estimate | None) -> str:
    """A point, with its interval where there is one."""
    if estimate is None:
        return "-"
    if estimate.low is None or estimate.high is None:
        return number(estimate.value)
    return f"{number(estimate.value)} [{number(estimate.low)}, {number(estimate.high)}]"


def divergence_name(line: Line) -> str:
    """The forward KL that a line's kind allows: of the energy as it is, or at its best temperature."""
    return "kl_beta" if line.kind is EnergyKind.RANKING else "kl"


def divergence(line: Line) -> str:
    """The forward KL, marked where the temperature was fitted."""
    text = interval(line.estimate(divergence_name(line)))
    return f"{text} β" if line.kind is EnergyKind.RANKING and text != "-" else text


def failures(line: Line) -> str:
    """``14/15, 1 diverged``: trials that ended well, and how the others ended."""
    ok = len(line.trials) - sum(line.failures.values())
    words = [f"{count} {status}" for status, count in line.failures.items()]
    return ", ".join([f"{ok}/{len(line.trials)}", *words])


def columns(board: Board) -> list[Column]:
    """What the leaderboard shows: of the truth what there is of it."""
    against_truth = [
        Column("skill ↑", lambda line: interval(line.estimate("skill", FAILED_SKILL))),
        Column("KL ↓", divergence),
    ]
    modes = Column("modes ↑", lambda line: interval(line.estimate("mode_coverage_common")))
    return [
        Column("", board.mark),
        Column("method", lambda line: line.row),
        Column("strategy", lambda line: line.strategy.value),
        Column("kind", lambda line: line.kind.value),
        *(against_truth if board.has_truth else []),
        *([Column("NLL ↓", lambda line: _nll(board, line))] if board.with_nll else []),
        Column("AUROC ↑", lambda line: interval(line.estimate("auroc"))),
        Column("MMD² ↓", lambda line: interval(line.estimate("mmd2_common"))),
        Column("sliced W₂ ↓", lambda line: interval(line.estimate("sliced_wasserstein_common"))),
        *([modes] if board.has_truth else []),
        Column("train s", lambda line: number(line.cost("train_seconds"))),
        Column("Mpasses", lambda line: number(_millions(line.cost("passes")))),
        Column("ok", failures),
    ]


def _nll(board: Board, line: Line) -> str:
    """The mean over the datasets without a truth of the medians over seeds; a dash when one of them has none."""
    values = [line.median(NLL, dataset) for dataset in board.with_nll]
    found = [value for value in values if value is not None]
    return number(fmean(found)) if len(found) == len(values) else "-"


def _millions(value: float | None) -> float | None:
    return None if value is None else value / 1e6


NARROW_WITHOUT = ("kind", "sliced W₂ ↓", "modes ↑", "Mpasses")
"""Columns that a terminal of eighty characters has no room for; Markdown and CSV have them."""

MEANS = "Interquartile means over datasets and seeds"
TESTED = f"{BEST} best, {TIE} not told apart from it (paired Wilcoxon, Holm, 5 %). "
SAMPLED = "MMD² and sliced W₂ of samples drawn from the lattice, against test data. Reference rows are not ranked."
LEGEND = (
    f"{MEANS}; failures count as skill -1. {TESTED}"
    "KL in nats, forward, on the lattice; β: at the temperature fitted on validation. "
    f"{SAMPLED}"
)
NLL_LEGEND = (
    "NLL in nats of the test rows, at the temperature fitted on validation rows, where the true density is not known: "
    "a mean over datasets."
)
NLL_RANKS = "There is no skill: the mean NLL ranks, and a failure counts as a nat worse than the worst."


def legend(board: Board) -> str:
    """What the columns mean."""
    if not board.truthless:
        return LEGEND
    return f"{LEGEND} {NLL_LEGEND}" if board.has_truth else f"{MEANS}. {TESTED}{NLL_LEGEND} {NLL_RANKS} {SAMPLED}"


@dataclass(frozen=True)
class DatasetTable:
    """A line a method, a column a dataset."""

    title: str
    datasets: tuple[str, ...]
    value: Callable[[Line, str], float | None]

    def cells(self, board: Board) -> list[list[str]]:
        """The rows of the table."""
        return [[line.row, *(number(self.value(line, d)) for d in self.datasets)] for line in board.lines]


def dataset_tables(board: Board) -> Iterator[DatasetTable]:
    """Skill and KL of the datasets whose truth is known; the NLL of the others."""
    known = tuple(dataset for dataset in board.datasets if dataset not in board.truthless)
    if known:
        yield DatasetTable(
            "Skill, median over seeds", known, lambda line, dataset: line.median("skill", dataset, FAILED_SKILL)
        )
        yield DatasetTable(
            "Forward KL (nats), median over seeds; ranking energies at their fitted temperature",
            known,
            lambda line, dataset: line.median(divergence_name(line), dataset),
        )
    checked = board.with_nll
    if checked:
        title = "Held-out NLL (nats) at the temperature fitted on validation, median over seeds"
        yield DatasetTable(title, checked, lambda line, dataset: line.median(NLL, dataset))
    claimed = tuple(dataset for dataset in board.truthless if dataset not in checked)
    if claimed:
        title = "Held-out NLL (nats) as normalized energies claim it, not checked and not ranked, median over seeds"
        yield DatasetTable(title, claimed, lambda line, dataset: line.median("nll", dataset))


def markdown(board: Board) -> str:
    """The leaderboard as Markdown: the board, the skill and the KL of each dataset, the notes."""
    shown = columns(board)
    parts = [f"# {escaped(board.suite)}", ""]
    for family, members in board.families:
        parts += [f"## {family}", "", *table_lines([c.title for c in shown], _cells(shown, members)), ""]
    parts += [legend(board), ""]
    for table in dataset_tables(board):
        parts += [f"## {table.title}", "", *table_lines(["method", *table.datasets], table.cells(board)), ""]
    if board.has_truth:
        parts += [PACE_TITLE, "", *table_lines(PACE_HEAD, _pace_rows(board)), ""]
    remarks = list(notes(board.lines))
    if remarks:
        parts += ["## Notes", "", *(f"- {escaped(remark)}" for remark in remarks), ""]
    return "\n".join(parts)


PACE_TITLE = "## Passes (millions) and seconds to an excess of 0.1 and 0.05 nats, medians over trials"
PACE_HEAD = ("method", *(f"{what} to {target:g}" for target in TARGETS for what in ("Mpasses", "seconds", "reached")))


def _pace_rows(board: Board) -> Iterator[list[str]]:
    """A method that fewer than half of the trials brought so far has no median: a dash."""
    for line in board.lines:
        cells = [line.row]
        for target in TARGETS:
            found = pace(line.trials, target)
            if found is None:
                cells += ["-", "-", "-"]
                continue
            finite = math.isfinite(found.passes)
            cells += [number(found.passes / 1e6 if finite else None), number(found.seconds if finite else None)]
            cells += [f"{found.reached}/{found.trials}"]
        yield cells


def _cells(shown: Sequence[Column], members: Iterable[Line]) -> list[list[str]]:
    return [[column.text(line) for column in shown] for line in members]


def table_lines(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """A table in Markdown, its cells escaped."""
    yield "| " + " | ".join(escaped(cell) for cell in head) + " |"
    yield "|" + "---|" * len(head)
    for row in rows:
        yield "| " + " | ".join(escaped(cell) for cell in row) + " |"


def escaped(text: str) -> str:
    """A text that Markdown shows as it is: no markup, HTML, mathematics, headings or terminal codes."""
    text = printable(" ".join(text.split()))
    for character in "\\|<>`*_[]&$#":
        text = text.replace(character, f"\\{character}")
    return text


CSV_METRICS = (
    "skill",
    "kl",
    "kl_beta",
    "kl_iso",
    "nll",
    "nll_beta",
    "nll_iso",
    "nll_excess",
    "auroc",
    "mmd2_common",
    "mmd2_native",
    "sliced_wasserstein_common",
    "mode_coverage_common",
)
CSV_HEAD = (
    "label",
    "strategy",
    "family",
    "kind",
    "reference",
    "dataset",
    "metric",
    "value",
    "low",
    "high",
    "trials",
    "failed",
)


def table_csv(board: Board) -> str:
    """The same in long form: a line for each method, dataset (``all`` for the aggregate) and metric."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(CSV_HEAD)
    for line in board.lines:
        facts = [_inert(line.row), line.strategy.value, line.strategy.family, line.kind.value, line.reference]
        count, failed = len(line.trials), sum(line.failures.values())
        for metric in CSV_METRICS:
            whole = line.estimate(metric, FAILED_SKILL if metric == "skill" else None)
            if whole is not None:
                writer.writerow([*facts, "all", metric, whole.value, whole.low, whole.high, count, failed])
            for dataset in board.datasets:
                value = line.median(metric, dataset, FAILED_SKILL if metric == "skill" else None)
                if value is not None:
                    writer.writerow([*facts, _inert(dataset), metric, value, "", "", count, failed])
        for cost in ("train_seconds", "passes", "steps"):
            mean = line.cost(cost)
            if mean is not None:
                writer.writerow([*facts, "all", cost, mean, "", "", count, failed])
    return out.getvalue()


def _inert(name: str) -> str:
    """A name that no spreadsheet takes for a formula, and no terminal for a code."""
    name = printable(name)
    return f"'{name}" if name.startswith(("=", "+", "-", "@")) else name


def terminal(board: Board) -> RenderableType:
    """The leaderboard for a terminal."""
    from rich import box
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    shown = [column for column in columns(board) if column.title not in NARROW_WITHOUT]
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    for column in shown:
        left = column.title in ("", "method", "ok")
        table.add_column(
            column.title, justify="left" if left else "right", no_wrap=column.title not in ("method", "ok")
        )
    for family, members in board.families:
        table.add_row("", Text(family, style="italic"))
        for line in members:
            style = "dim" if line.reference else "bold" if line.row == board.ranking.best else ""
            table.add_row(*(Text(printable(column.text(line))) for column in shown), style=style)
        table.add_section()
    remarks = [Text(f"- {printable(remark)}", style="yellow") for remark in notes(board.lines)]
    return Group(Text(f"\n{printable(board.suite)}", style="bold"), table, Text(legend(board), style="dim"), *remarks)
