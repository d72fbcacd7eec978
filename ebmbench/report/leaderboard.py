"""The leaderboard: methods by family and strategy, in terminal, Markdown and CSV."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ebmbench.analysis.aggregate import FAILED_SKILL, Line, Ranking
from ebmbench.analysis.intervals import Estimate
from ebmbench.analysis.quality import TARGETS, pace
from ebmbench.contracts import EnergyKind, Status
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
    """What the leaderboard shows."""
    return [
        Column("", board.mark),
        Column("method", lambda line: line.row),
        Column("strategy", lambda line: line.strategy.value),
        Column("kind", lambda line: line.kind.value),
        Column("skill ↑", lambda line: interval(line.estimate("skill", FAILED_SKILL))),
        Column("KL ↓", divergence),
        Column("AUROC ↑", lambda line: interval(line.estimate("auroc"))),
        Column("MMD² ↓", lambda line: interval(line.estimate("mmd2_common"))),
        Column("sliced W₂ ↓", lambda line: interval(line.estimate("sliced_wasserstein_common"))),
        Column("modes ↑", lambda line: interval(line.estimate("mode_coverage_common"))),
        Column("train s", lambda line: number(line.cost("train_seconds"))),
        Column("Mpasses", lambda line: number(_millions(line.cost("passes")))),
        Column("ok", failures),
    ]


def _millions(value: float | None) -> float | None:
    return None if value is None else value / 1e6


NARROW_WITHOUT = ("kind", "sliced W₂ ↓", "modes ↑", "Mpasses")
"""Columns that a terminal of eighty characters has no room for; Markdown and CSV have them."""

LEGEND = (
    "Interquartile means over datasets and seeds; failures count as skill -1. "
    f"{BEST} best, {TIE} not told apart from it (paired Wilcoxon, Holm, 5 %). "
    "KL in nats, forward, on the lattice; β: at the temperature fitted on validation. "
    "MMD² and sliced W₂ of samples drawn from the lattice, against test data. Reference rows are not ranked."
)


def notes(board: Board) -> Iterator[str]:
    """What a reader must know beside the numbers: choices made, failures and their reasons."""
    for line in board.lines:
        if line.chosen:
            yield f"{line.row}: chosen on validation: {line.chosen}"
    seen: dict[tuple[str, str], int] = {}
    for line in board.lines:
        for trial in line.trials:
            if trial.status is not Status.OK:
                key = (line.row, f"{trial.status}: {trial.error}")
                seen[key] = seen.get(key, 0) + 1
    for (row, reason), count in seen.items():
        yield f"{row}: {count} x {reason}"


def dataset_table(board: Board, value: Callable[[Line, str], float | None]) -> list[list[str]]:
    """A line a method, a column a dataset; the best value of the methods that are ranked in bold elsewhere."""
    return [[line.row, *(number(value(line, dataset)) for dataset in board.datasets)] for line in board.lines]


def markdown(board: Board) -> str:
    """The leaderboard as Markdown: the board, the skill and the KL of each dataset, the notes."""
    shown = columns(board)
    parts = [f"# {_md(board.suite)}", ""]
    for family, members in board.families:
        parts += [f"## {family}", "", *_md_table([c.title for c in shown], _cells(shown, members)), ""]
    parts += [LEGEND, ""]
    tables = (
        ("Skill, median over seeds", lambda line, dataset: line.median("skill", dataset, FAILED_SKILL)),
        (
            "Forward KL (nats), median over seeds; ranking energies at their fitted temperature",
            lambda line, dataset: line.median(divergence_name(line), dataset),
        ),
    )
    for title, value in tables:
        parts += [f"## {title}", "", *_md_table(["method", *board.datasets], dataset_table(board, value)), ""]
    parts += [PACE_TITLE, "", *_md_table(PACE_HEAD, _pace_rows(board)), ""]
    remarks = list(notes(board))
    if remarks:
        parts += ["## Notes", "", *(f"- {_md(remark)}" for remark in remarks), ""]
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


def _md_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield "| " + " | ".join(_md(cell) for cell in head) + " |"
    yield "|" + "---|" * len(head)
    for row in rows:
        yield "| " + " | ".join(_md(cell) for cell in row) + " |"


def _md(text: str) -> str:
    """A text that Markdown shows as it is."""
    text = " ".join(text.split())
    for character in "\\|<>`*_[]":
        text = text.replace(character, f"\\{character}")
    return text


CSV_METRICS = (
    "skill",
    "kl",
    "kl_beta",
    "kl_iso",
    "nll",
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
        facts = [line.row, line.strategy.value, line.strategy.family, line.kind.value, line.reference]
        count, failed = len(line.trials), sum(line.failures.values())
        for metric in CSV_METRICS:
            whole = line.estimate(metric, FAILED_SKILL if metric == "skill" else None)
            if whole is not None:
                writer.writerow([*facts, "all", metric, whole.value, whole.low, whole.high, count, failed])
            for dataset in board.datasets:
                value = line.median(metric, dataset, FAILED_SKILL if metric == "skill" else None)
                if value is not None:
                    writer.writerow([*facts, dataset, metric, value, "", "", count, failed])
        for cost in ("train_seconds", "passes", "steps"):
            mean = line.cost(cost)
            if mean is not None:
                writer.writerow([*facts, "all", cost, mean, "", "", count, failed])
    return out.getvalue()


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
    remarks = [Text(f"- {printable(remark)}", style="yellow") for remark in notes(board)]
    return Group(Text(f"\n{printable(board.suite)}", style="bold"), table, Text(LEGEND, style="dim"), *remarks)
