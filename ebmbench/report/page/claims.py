"""What LeCun says of each strategy, what was measured of it, and what follows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ebmbench.analysis.boards import Board
from ebmbench.analysis.leaderboard import Leaderboard
from ebmbench.analysis.standings import Standing, Word
from ebmbench.contracts.records import Strategy
from ebmbench.report.text import factor, ranks

CLAIMS = {
    Strategy.C1: "the gradient of the likelihood pushes up everywhere, in proportion to the model's own probability; "
    "where the integral can be had, nothing is closer to the density",
    Strategy.C2: "pushing up on points that are well chosen does what the integral would do, without it",
    Strategy.C3: "a net that maps corrupted points back to the data has an energy that grows quadratically off their "
    "manifold: it ranks points, and is no density",
    Strategy.A1: "where the volume of low energy is bounded by construction, pushing down is enough",
    Strategy.A2: "where the information in the code is bounded by a regularizer, pushing down is enough",
    Strategy.A3: "where the reconstruction is as constant as it can be, its error is low on the data alone",
    Strategy.A4: "where the gradient is small and the curvature large at data points, they are minima of the energy",
}
"""After the lecture and the slides that it is from: the seven strategies to shape the energy."""

GOOD = (Word.BEST, Word.TIED)


@dataclass(frozen=True)
class Finding:
    """What was measured of a strategy: ``measured`` has a sentence for each board."""

    strategy: str
    idea: str
    claim: str
    measured: tuple[str, ...]
    verdict: str


def findings(board: Leaderboard) -> Iterator[Finding]:
    """For each strategy that has a method on any board what its best method there does."""
    strategies = {method.row: method.strategy for method in board.methods}
    for strategy, claim in CLAIMS.items():
        firsts = [
            (one, next((s for s in one.standings if strategies[s.row] is strategy), None)) for one in board.boards
        ]
        if any(strategy is method.strategy for method in board.methods):
            measured = tuple(_measured(one, standing) for one, standing in firsts)
            yield Finding(strategy.value, strategy.idea, claim, measured, _verdict(firsts))


def _measured(one: Board, standing: Standing | None) -> str:
    if standing is None:
        return f"{one.ruler.title}: none of its methods stands on this board"
    place = f"rank{'s' if '-' in ranks(standing) else ''} {ranks(standing)} of {len(one.standings)}"
    return f"{one.ruler.title}: {standing.row} has {factor(standing)} times the best ({place}, {standing.word.value})"


def _verdict(firsts: list[tuple[Board, Standing | None]]) -> str:
    """By the words of its best method on each board."""
    held = [(one.ruler.title.lower(), standing.word) for one, standing in firsts if standing is not None]
    if not held:
        return "not measured here"
    groups = {
        "with the best": [title for title, word in held if word in GOOD],
        "not told from the best": [title for title, word in held if word is Word.UNDECIDED],
        "behind": [title for title, word in held if word is Word.BEHIND],
        "failed": [title for title, word in held if word is Word.FAILED],
    }
    return "; ".join(f"{said} in {' and '.join(titles)}" for said, titles in groups.items() if titles)
