"""The verdict of a run in sentences: who leads each board, who is not told from it, what failed."""

from __future__ import annotations

from collections.abc import Iterator

from ebmbench.analysis.boards import Board
from ebmbench.analysis.leaderboard import Leaderboard
from ebmbench.analysis.standings import Standing, Word
from ebmbench.report.text import factor


def verdict(board: Leaderboard) -> Iterator[str]:
    """A sentence for each board, and one on what failed."""
    if not board.methods:
        yield "No trial of this run has ended: there is nothing to compare."
        return
    if not board.boards:
        yield "No method has a number that methods are ranked by: there is no board."
    for one in board.boards:
        yield _of_board(one, len(board.datasets))
    trials = sum(len(method.facts) for method in board.methods)
    failed = {method.row: sum(method.failures.values()) for method in board.methods if method.failures}
    if failed:
        most = ", ".join(f"{row} ({count})" for row, count in sorted(failed.items(), key=lambda pair: -pair[1])[:5])
        more = f" and {len(failed) - 5} more methods" if len(failed) > 5 else ""
        yield f"{sum(failed.values())} of {trials} trials did not end well: {most}{more}."
    else:
        yield f"All {trials} trials ended well."


def _of_board(one: Board, datasets: int) -> str:
    title, standings = one.ruler.title, one.standings
    if one.best is None:
        return f"{title}: every method failed on half of the seeds of a dataset or more; nobody leads."
    over = f"{datasets} datasets" if datasets > 1 else "one dataset"
    first = f"{title}: {one.best} leads over {over}, at {factor(standings[0])} times the best loss on each"
    if len(standings) == 1:
        return f"{title}: {one.best} is the only method."
    near = [s for s in standings[1:] if s.word is Word.TIED]
    open_ = [s for s in standings[1:] if s.word is Word.UNDECIDED]
    behind = sum(s.word in (Word.BEHIND, Word.FAILED) for s in standings)
    parts = [first]
    if near:
        parts.append(f"{_names(near)} {'is' if len(near) == 1 else 'are'} tied with it")
    if open_:
        parts.append(f"these trials do not tell {_names(open_)} from it")
    if behind:
        parts.append(f"{behind} of {len(standings)} methods are behind")
    return "; ".join(parts) + "."


def _names(standings: list[Standing]) -> str:
    shown = [f"{s.row} ({factor(s)})" for s in standings[:4]]
    more = [f"{len(standings) - 4} more"] if len(standings) > 4 else []
    return " and ".join(filter(None, [", ".join([*shown, *more][:-1]), [*shown, *more][-1]]))
