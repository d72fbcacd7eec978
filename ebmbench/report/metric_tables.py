"""Every metric of a run as a table of its own: a line a method, a column a dataset."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ebmbench.report.leaderboard import Board, DatasetTable, escaped, table_lines
from ebmbench.store.records import MetricCell, flat_name

ARROWS = {"up": " ↑", "down": " ↓", "one": " → 1", "zero": " → 0", "none": ""}


def metric_tables(board: Board, metrics: Sequence[MetricCell]) -> str:
    """All metrics as Markdown: medians over the seeds of the trials that ended well; a dash where there is none."""
    parts = [
        f"# {escaped(board.suite)}: every metric",
        "",
        "Medians over seeds of the trials that ended well; a dash where a metric does not apply or was not measured.",
        "",
    ]
    for cell in metrics:
        tables = [table for variant in cell.variants for table in _table(board, cell.name, variant)]
        if tables:
            unit = f" ({escaped(cell.unit)})" if cell.unit else ""
            title = f"## {escaped(cell.name)}{ARROWS.get(cell.direction, '')}{unit}"
            parts += [title, "", escaped(cell.summary), "", *tables]
    return "\n".join(parts)


def _table(board: Board, metric: str, variant: str) -> Iterator[str]:
    """The table of one variant, with its name above; nothing when no method has a value."""
    name = flat_name(metric, variant)
    table = DatasetTable(name, board.datasets, lambda line, dataset: line.median(name, dataset))
    held = [row for row in table.cells(board) if any(cell != "-" for cell in row[1:])]
    if held:
        yield from table_lines([variant or "method", *board.datasets], held)
        yield ""
