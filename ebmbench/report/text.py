"""Numbers and names as tables show them."""

from __future__ import annotations

import math

from ebmbench.analysis.boards import Board
from ebmbench.analysis.conditions import Conditions
from ebmbench.analysis.intervals import Estimate
from ebmbench.analysis.leaderboard import ARROWS, Leaderboard
from ebmbench.analysis.profiles import optimality_gap
from ebmbench.analysis.standings import TIE, Standing, Word
from ebmbench.analysis.summaries import MethodSummary
from ebmbench.contracts.records import Column, EnergyKind, flat_name
from ebmbench.errors import printable

NOISE = 0.01
"""A spread of less than this of the last digit is that of arithmetic, and none."""
UNITS = {"unit": "units of y"}
"""What units are called, where their names say too little."""
SMALL = 0.1
"""Nats below this are shown as thousandths."""
MARKS = {Word.BEST: "*", Word.TIED: "~", Word.UNDECIDED: "?", Word.FAILED: "!", Word.BEHIND: ""}


def number(value: float | None) -> str:
    """Three significant digits or three decimals, a dash for nothing."""
    if value is None:
        return "-"
    if value != 0 and abs(value) < 5e-4:
        return f"{value:.0e}" if abs(value) > 1e-9 else "0.000"
    return f"{value:.3f}" if abs(value) < 100 else f"{value:,.0f}"


def measured(found: Estimate | None, times: float = 1.0) -> str:
    """``5.8 ± 1.2``: two significant digits, three where the spread allows, and the spread, rounded up.

    Args:
        found: nothing is a dash.
        times: what it is multiplied by, which is what its unit is divided by.
    """
    if found is None:
        return "-"
    value, spread = times * found.value, None if found.spread is None else times * found.spread
    if not math.isfinite(value):
        return number(value)
    if spread is None or not math.isfinite(spread):
        return rounded(value, decimals(abs(value), 3)) + ("" if spread is None else " ± inf")
    places = decimals(max(abs(value), spread), 2)
    places = places if spread >= 10.0**-places else decimals(max(abs(value), spread), 3)
    above = math.ceil(spread * 10.0**places - NOISE) / 10.0**places
    return f"{rounded(value, places)} ± {rounded(above, places)}"


def decimals(size: float, digits: int) -> int:
    """How many of them show so many significant digits: three at most, and below zero for tens and hundreds."""
    return min(3, digits - 1 - math.floor(math.log10(size))) if size > 0 else 3


def rounded(value: float, places: int) -> str:
    """To so many decimals; zero has no sign."""
    return f"{round(value, places) + 0.0:,.{max(places, 0)}f}"


def scale(board: Leaderboard, column: Column) -> tuple[str, float]:
    """The unit that all of a column is shown in, and what its numbers are multiplied by for that.

    Nats become thousandths where any method that competes is below a tenth; gaps to a ceiling are per mille.
    """
    if board.ceilings(column):
        return "‰", 1e3
    units = {flat_name(cell.name, variant): cell.unit for cell in board.metrics for variant in cell.variants}
    unit = units.get(column.metric) or units.get(column.ranking, "")
    return ("mnats", 1e3) if unit == "nats" and board.least(column) < SMALL else (UNITS.get(unit, unit), 1.0)


def heading(board: Leaderboard, column: Column) -> str:
    """What stands above a column or a table: its title, with the unit, before the arrow if there is one."""
    unit, _ = scale(board, column)
    title = _bare(column)
    arrow = column.title.removeprefix(title)
    if board.ceilings(column):
        title, arrow = f"{title} gap", ARROWS["down"]
    if "(nats)" in title:
        return title.replace("(nats)", f"({unit or 'nats'})") + arrow
    return f"{title} ({unit}){arrow}" if unit else f"{title}{arrow}"


def cell(board: Leaderboard, column: Column, method: MethodSummary) -> str:
    """What a method has in a column: marked where the temperature was fitted, and where trials have no number."""
    found = board.value(column, method)
    if found is None:
        return "-"
    fitted = " β" if column.ranking and method.kind is EnergyKind.RANKING else ""
    expected = method.expected(board.datasets_of(column))
    missing = f" ({found.n} of {expected})" if found.n < expected else ""
    return measured(found, scale(board, column)[1]) + fitted + missing


def cost(method: MethodSummary, name: str, per: float = 1.0) -> str:
    """What a training cost, in units of so many."""
    return measured(method.estimate(name), 1 / per)


def seconds(method: MethodSummary, conditions: Conditions) -> str:
    """The seconds of training: marked where they are not the method's own, or of another machine than most."""
    marks = "†" * conditions.under_load(method) + "‡" * conditions.on_another_machine(method)
    return " ".join(filter(None, [cost(method, "train_seconds"), marks]))


def mark(board: Leaderboard, method: MethodSummary) -> str:
    """How a method stands on the first board that it stands on: see ``MARKS``."""
    standing = board.standing(method)
    return MARKS[standing.word] if standing else ""


def factor(standing: Standing) -> str:
    """How many times the best method's loss, with the interval: two significant digits."""
    ends = (standing.factor.value, standing.factor.low, standing.factor.high)
    value, low, high = ("-" if end is None else "inf" if math.isinf(end) else _two_digits(end) for end in ends)
    return value if low == "-" else f"{value} [{low}, {high}]"


def times_the_best(log: float) -> str:
    """A factor by its logarithm, to two digits; a dash for none."""
    return "-" if math.isnan(log) else "inf" if log > 700 else _two_digits(math.exp(log))


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
    return [*place, factor(standing), ranks(standing), standing.word.value, standing.worst, ok(method)]


GAP = "optimality gap (‰)"


def gap(board: Board, method: MethodSummary) -> str | None:
    """The optimality gap of a method, in thousandths; None on a board whose loss is no distance to 1."""
    if board.ruler.scale != "gap":
        return None
    strata = method.strata(board.ruler.metric, board.datasets)
    return measured(optimality_gap(strata) if strata else None, 1e3)


def failures(method: MethodSummary) -> str:
    """``14/15, 1 diverged``: trials that ended well, and how the others ended."""
    trials, failed = len(method.facts), method.failures
    return ", ".join([f"{trials - sum(failed.values())}/{trials}", *(f"{n} {status}" for status, n in failed.items())])


def badges(method: MethodSummary) -> list[str]:
    """``outside 43 %``: what a reader is warned of."""
    shares = [f"{badge.word} {_two_digits(100 * share)} %" for badge, share in method.badges.items()]
    return [*shares, *[PEEKED] * method.peeked]


def ok(method: MethodSummary) -> str:
    """What ended well and what did not, and what there is to be warned of."""
    return ", ".join([failures(method), *badges(method)])


def facts(conditions: Conditions) -> str:
    """Which commit, which machine, how many trials at a time, and how many of them under load: a sentence each."""
    said = [_commit(conditions), _machine(conditions), _versions(conditions)]
    at_once = "" if conditions.at_once is None else f", {conditions.at_once} at a time at most"
    said.append(f"{_count(conditions.trials, 'trial')}{at_once}")
    return " ".join(f"{sentence}." for sentence in [*said, _load(conditions)] if sentence)


def _commit(conditions: Conditions) -> str:
    revision = conditions.revision
    return f"Commit {revision.commit[:12]}{' with changes since' if revision.dirty else ''}" if revision else ""


def _machine(conditions: Conditions) -> str:
    machine, more = conditions.machine, conditions.machines - 1
    cores = f"{machine['cores']} cores" if "cores" in machine else ""
    memory = f"{machine['memory_gb']} GB" if "memory_gb" in machine else ""
    parts = [machine.get("processor", ""), cores, memory, machine.get("system", "")]
    others = f"trials of {_count(more, 'other machine')}, whose seconds are marked ‡" if more > 0 else ""
    return "; ".join(filter(None, [", ".join(filter(None, parts)), others]))


def _versions(conditions: Conditions) -> str:
    names = {"python": "Python", "torch": "torch", "ebmbench": "ebmbench"}
    return ", ".join(
        f"{title} {conditions.versions[name]}" for name, title in names.items() if name in conditions.versions
    )


def _load(conditions: Conditions) -> str:
    unknown = conditions.trials - conditions.known
    said = [f"The seconds of {len(conditions.loaded)} were measured under load, marked †"] if conditions.loaded else []
    said += [f"of {unknown} it is not known"] * bool(said and unknown)
    said += [f"Whether the seconds of {unknown} were measured under load is not known"] * bool(unknown and not said)
    return "; ".join(said) or ("No seconds were measured under load" if conditions.trials else "")


def _count(n: int, thing: str) -> str:
    return f"{n} {thing}{'' if n == 1 else 's'}"


def millions(value: float | None) -> float | None:
    """In units of a million."""
    return None if value is None else value / 1e6


PEEKED = "default by truth"
"""Of a method that the numbers flatter."""

MEANS = (
    "Means over datasets of medians over seeds, ± half of the range over seeds (its mean over datasets, rounded up; "
    "one seed has none), of what the suite asks for. Where trials have no number, (n of m) says how many have one."
)
STANDS = (
    "Times the best: the loss over that of the best method on the same data, the geometric mean over datasets (medians "
    "over seeds), with the 95 % interval of a bootstrap over datasets and seeds, and the ranks that it allows. * best; "
    f"~ tied: the interval of the factor between the two lies within {TIE}; ? undecided: these trials do not tell; ! "
    "failed on half of the seeds of a dataset or more. Worst: the dataset on which a method is farthest behind. "
    f"{PEEKED[0].upper()}{PEEKED[1:]}: one of its defaults was chosen by the exact density of one of these datasets."
)
GAPS = "Optimality gap: the mean of 1 - min(skill, 1) over trials, failures among them, in thousandths."
CEILING = "{} gap: how far below what the truth itself reaches, in thousandths."
SAMPLED = "{} of samples drawn from the lattice, against test data."


def legend(board: Leaderboard) -> str:
    """What the columns mean: what is common, then what each track says."""
    said = dict.fromkeys(track.legend for track in board.tracks if track.legend)
    below = [_bare(column) for column in board.columns if board.ceilings(column)]
    drawn = [_bare(column) for column in board.columns if column.metric.endswith("_common")]
    more = [CEILING.format(" and ".join(below))] * bool(below) + [SAMPLED.format(" and ".join(drawn))] * bool(drawn)
    return " ".join([MEANS, *said, *more, "Reference rows are not ranked."])


def _bare(column: Column) -> str:
    """The title without its arrow."""
    return next(
        (column.title.removesuffix(end) for end in ARROWS.values() if end and column.title.endswith(end)), column.title
    )


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
