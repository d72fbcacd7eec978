"""Numbers and names as tables show them."""

from __future__ import annotations

from ebmbench.analysis.intervals import Estimate
from ebmbench.analysis.leaderboard import Leaderboard
from ebmbench.analysis.summaries import MethodSummary
from ebmbench.contracts.records import Column, EnergyKind
from ebmbench.errors import printable

BEST, TIE = "*", "~"


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


def cell(board: Leaderboard, column: Column, method: MethodSummary) -> str:
    """What a method has in a column: marked where the temperature was fitted, and where trials have no number."""
    found = board.value(column, method)
    if found is None:
        return "-"
    fitted = " β" if column.ranking and method.kind is EnergyKind.RANKING else ""
    expected = method.expected(column)
    return interval(found) + fitted + (f" ({found.n} of {expected})" if found.n < expected else "")


def mark(board: Leaderboard, method: MethodSummary) -> str:
    """``*`` for the best, ``~`` for what cannot be told from it."""
    if method.row == board.ranking.best:
        return BEST
    return TIE if method.row in board.ranking.ties else ""


def failures(method: MethodSummary) -> str:
    """``14/15, 1 diverged``: trials that ended well, and how the others ended."""
    trials, failed = len(method.facts), method.failures
    return ", ".join([f"{trials - sum(failed.values())}/{trials}", *(f"{n} {status}" for status, n in failed.items())])


def millions(value: float | None) -> float | None:
    """In units of a million."""
    return None if value is None else value / 1e6


MEANS = "Interquartile means over datasets and seeds"
TESTED = f"{BEST} best, {TIE} not told apart from it (paired Wilcoxon, Holm, 5 %)."
SAMPLED = "MMD² and sliced W₂ of samples drawn from the lattice, against test data. Reference rows are not ranked."


def legend(board: Leaderboard) -> str:
    """What the columns mean: what is common, then what each track says, the first one of how it ranks too."""
    said = dict.fromkeys(track.legend for track in board.tracks if track.legend)
    missing = "Where trials have no number, (n of m) says how many have one."
    return " ".join([f"{MEANS}, of what the suite asks for. {missing}", TESTED, *said, SAMPLED])


def escaped(text: str) -> str:
    """A text that Markdown shows as it is: no markup, HTML, mathematics, headings or terminal codes."""
    text = printable(" ".join(text.split()))
    for character in "\\|<>`*_[]&$#":
        text = text.replace(character, f"\\{character}")
    return text


def inert(name: str) -> str:
    """A name that no spreadsheet takes for a formula, and no terminal for a code."""
    name = printable(name)
    return f"'{name}" if name.startswith(("=", "+", "-", "@")) else name
