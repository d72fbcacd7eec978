"""Numbers and names as tables show them."""

from __future__ import annotations

import math

from ebmbench.analysis.leaderboard import Leaderboard
from ebmbench.analysis.standings import TIE, Standing, Word
from ebmbench.analysis.summaries import MethodSummary
from ebmbench.contracts.records import Column, EnergyKind
from ebmbench.errors import printable

MARKS = {Word.BEST: "*", Word.TIED: "~", Word.UNDECIDED: "?", Word.FAILED: "!", Word.BEHIND: ""}


def number(value: float | None) -> str:
    """Three significant digits or three decimals, a dash for nothing."""
    if value is None:
        return "-"
    if value != 0 and abs(value) < 5e-4:
        return f"{value:.0e}" if abs(value) > 1e-9 else "0.000"
    return f"{value:.3f}" if abs(value) < 100 else f"{value:,.0f}"


def cell(board: Leaderboard, column: Column, method: MethodSummary) -> str:
    """What a method has in a column: marked where the temperature was fitted, and where trials have no number."""
    found = board.value(column, method)
    if found is None:
        return "-"
    fitted = " β" if column.ranking and method.kind is EnergyKind.RANKING else ""
    expected = method.expected(column)
    return number(found.value) + fitted + (f" ({found.n} of {expected})" if found.n < expected else "")


def mark(board: Leaderboard, method: MethodSummary) -> str:
    """How a method stands on the first board that it stands on: see ``MARKS``."""
    standing = board.standing(method)
    return MARKS[standing.word] if standing else ""


def factor(standing: Standing) -> str:
    """How many times the best method's loss, with the interval: two significant digits."""
    ends = (standing.factor.value, standing.factor.low, standing.factor.high)
    value, low, high = ("-" if end is None else "inf" if math.isinf(end) else _two_digits(end) for end in ends)
    return value if low == "-" else f"{value} [{low}, {high}]"


def _two_digits(value: float) -> str:
    return f"{float(f'{value:.2g}'):,.0f}" if value >= 10 else f"{value:.1f}"


def ranks(standing: Standing) -> str:
    """``1`` or ``1-4``."""
    first, last = standing.ranks
    return str(first) if first == last else f"{first}-{last}"


STANDING_HEAD = ("", "method", "strategy", "times the best", "ranks", "stands", "worst", "ok")


def standing_cells(standing: Standing, method: MethodSummary) -> list[str]:
    """The row of a method on a board."""
    place = [MARKS[standing.word], standing.row, method.strategy.value]
    return [*place, factor(standing), ranks(standing), standing.word.value, standing.worst, failures(method)]


def failures(method: MethodSummary) -> str:
    """``14/15, 1 diverged``: trials that ended well, and how the others ended."""
    trials, failed = len(method.facts), method.failures
    return ", ".join([f"{trials - sum(failed.values())}/{trials}", *(f"{n} {status}" for status, n in failed.items())])


def millions(value: float | None) -> float | None:
    """In units of a million."""
    return None if value is None else value / 1e6


MEANS = "Means over datasets of medians over seeds"
STANDS = (
    "Times the best: the loss over that of the best method on the same data, the geometric mean over datasets (medians "
    "over seeds), with the 95 % interval of a bootstrap over datasets and seeds, and the ranks that it allows. * best; "
    f"~ tied: the interval of the factor between the two lies within {TIE}; ? undecided: these trials do not tell; ! "
    "failed on half of the seeds of a dataset or more. Worst: the dataset on which a method is farthest behind."
)
SAMPLED = "MMD² and sliced W₂ of samples drawn from the lattice, against test data. Reference rows are not ranked."


def legend(board: Leaderboard) -> str:
    """What the columns mean: what is common, then what each track says."""
    said = dict.fromkeys(track.legend for track in board.tracks if track.legend)
    missing = "Where trials have no number, (n of m) says how many have one."
    return " ".join([f"{MEANS}, of what the suite asks for. {missing}", *said, SAMPLED])


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
