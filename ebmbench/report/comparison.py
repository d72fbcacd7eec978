"""What changed between two runs, in words: for a terminal, as Markdown, as JSON."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from ebmbench.analysis.comparison import Alone, Comparison, Measure
from ebmbench.analysis.intervals import Estimate
from ebmbench.analysis.shifts import Change, Shift
from ebmbench.analysis.standings import TIE
from ebmbench.errors import printable
from ebmbench.report.markdown import rendered
from ebmbench.store.records import RunRecord

if TYPE_CHECKING:
    from rich.console import RenderableType

MAX_NAMES = 6
"""Names, or differences, that a sentence lists."""
HEAD = ("method", "B over A", "", "most on", "pairs", "failures")
TITLES = {"passes": "Passes", "train_seconds": "Seconds of training"}
LEGEND = (
    "B over A: the loss or cost in B over that in A, the geometric mean over datasets of medians over pairs of trials "
    "with the same seed, with the 95 % interval of a bootstrap over datasets and seeds. Identical: every pair has the "
    f"same number; tied: the interval lies within a factor {TIE}; better, worse: all of it lies on one side of 1, or "
    "only one of the runs failed; undecided: these trials do not tell. Failures: how many are new in B, and how many "
    "of A's are mended."
)


def summary(found: Comparison) -> str:
    """The verdict in one sentence."""
    if not found.pairs:
        return "The two runs have no trial in common."
    words = found.words
    groups = {word: [row for row, said in words.items() if said is word] for word in Change}
    told = [len(groups[word]) == len(found.rows) and f"all are {word}" for word in (Change.IDENTICAL, Change.TIED)]
    parts = [text for text in told if text] or [
        _counted(groups[word], word) for word in (Change.IDENTICAL, Change.TIED) if groups[word]
    ]
    parts += _moved(found.losses, Change.WORSE) + _moved(found.losses, Change.BETTER)
    parts += [_counted(groups[Change.UNDECIDED], Change.UNDECIDED)] if groups[Change.UNDECIDED] else []
    silent = [row for row in found.rows if row not in words]
    parts += [f"{_listed(silent)} {'has' if len(silent) == 1 else 'have'} no number to compare"] if silent else []
    of = f"{_several(len(found.rows), 'method')} on {_several(len(found.datasets), 'dataset')}"
    return f"Of {of} ({_several(found.pairs, 'pair')} of trials), {'; '.join(parts)}."


def sentences(found: Comparison) -> Iterator[str]:
    """What else is to be said, a sentence each."""
    yield from _failures(found)
    yield from _missing(found)
    if found.pairs:
        yield from _costs(found.passes, "as many")
        yield from _costs(found.seconds, "as long")
    for reason, count in found.uncompared.items():
        yield f"Seconds of {_several(count, 'pair')} are not compared: {reason}."
    for name, alone in (("A", found.alone_a), ("B", found.alone_b)):
        yield from _alone(name, alone)
    if found.shared:
        those = f"{found.shared} of {found.pairs} pairs are" if found.shared < found.pairs else "All pairs are"
        yield f"{those} one and the same trial of the store."
    for one in found.contrasts:
        where = [_listed(names) for names in (one.rows, one.datasets) if names]
        concerned = f" ({'; '.join(where)})" if where else ""
        yield f"Different {one.subject}: {_listed(one.texts)}{concerned}."


def tables(found: Comparison) -> Iterator[tuple[str, str, list[list[str]]]]:
    """A title, a legend and rows for each loss, and for each cost that is not identical."""
    costs = (found.passes, found.seconds)
    told = [cost for cost in costs if any(one.word is not Change.IDENTICAL for one in cost.shifts)]
    for measure in (*found.losses, *told):
        yield TITLES.get(measure.title, measure.title), measure.legend, [_cells(one) for one in measure.shifts]


def terminal(found: Comparison) -> RenderableType:
    """For a terminal."""
    from rich import box
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    parts: list[RenderableType] = [Text(printable(line), style="dim") for line in heads(found)]
    parts += [Text(f"\n{printable(summary(found))}", style="bold"), Text("")]
    parts += [Text(f"- {printable(line)}") for line in sentences(found)]
    for title, _, rows in tables(found):
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
        for name in HEAD:
            table.add_column(
                name, justify="right" if name in ("B over A", "pairs") else "left", no_wrap=name == HEAD[1]
            )
        for row in rows:
            table.add_row(*(Text(printable(cell)) for cell in row), style="dim" if row[2] == Change.IDENTICAL else "")
        parts += [Text(f"\n{printable(title)}", style="bold"), table]
    return Group(*parts, *([Text(LEGEND, style="dim")] if found.losses else []))


def markdown(found: Comparison) -> str:
    """As Markdown."""
    return rendered(
        "comparison.md.j2",
        heads=heads(found),
        summary=summary(found),
        sentences=list(sentences(found)),
        head=HEAD,
        tables=list(tables(found)),
        legend=LEGEND if found.losses else "",
    )


def as_json(found: Comparison) -> str:
    """One document: the same words, and all of the numbers; what JSON has no number for is a word or null."""
    document = {
        "a": _run(found.a),
        "b": _run(found.b),
        "summary": summary(found),
        "sentences": list(sentences(found)),
        "methods": {row: word.value for row, word in found.words.items()},
        "shifts": [
            {"measure": measure.title, "metric": measure.metric, **_numbers(one)}
            for measure in (*found.losses, found.passes, found.seconds)
            for one in measure.shifts
        ],
    }
    return json.dumps(document, indent=1) + "\n"


def heads(found: Comparison) -> list[str]:
    """Which runs these are."""
    return [f"{name}: {run.suite}, run {run.run_id}" for name, run in (("A", found.a), ("B", found.b))]


def _run(run: RunRecord) -> dict[str, str]:
    return {"suite": run.suite, "run_id": run.run_id, "started": run.started}


def _numbers(one: Shift) -> dict[str, object]:
    ratio = one.ratio or Estimate(math.nan)
    return {
        "method": one.row,
        "word": one.word.value,
        **{name: _plain(getattr(ratio, name)) for name in ("value", "low", "high")},
        "datasets": {name: _plain(value) for name, value in one.datasets.items()},
        **{name: getattr(one, name) for name in ("pairs", "failed", "mended", "lost", "found")},
    }


def _plain(value: float | None) -> float | str | None:
    if value is None or math.isnan(value):
        return None
    return value if math.isfinite(value) else str(value)


# --- words -----------------------------------------------------------------------------------------------------------


def times(ratio: Estimate | None, inverse: bool = False) -> str:
    """``1.31 [1.20, 1.43]``; ``inverse``: one over it."""
    if ratio is None:
        return "-"
    ends = (ratio.value, ratio.low, ratio.high)
    if inverse:
        value, high, low = (None if end is None else 1 / end if end else math.inf for end in ends)
        ends = (value or 0.0, low, high)
    shown = ["" if end is None else _digits(end) for end in ends]
    return f"{shown[0]} [{shown[1]}, {shown[2]}]" if shown[1] else shown[0]


def _digits(value: float) -> str:
    """Two decimals, where they say anything, for what is near one counts."""
    if math.isinf(value):
        return "inf"
    return f"{float(f'{value:.2g}'):,.0f}" if value >= 10 else f"{value:.2f}" if value >= 0.1 else f"{value:.2g}"


def _cells(one: Shift) -> list[str]:
    failures = [f"{n} {word}" for n, word in ((one.failed, "new"), (one.mended, "mended")) if n]
    most = "" if one.word is Change.IDENTICAL else one.most
    return [one.row, times(one.ratio), one.word.value, most, str(one.pairs), ", ".join(failures)]


def _several(n: int, what: str) -> str:
    return f"{n:,} {what}{'' if n == 1 else 's'}"


def _listed(names: Sequence[str]) -> str:
    rest = f", and {len(names) - MAX_NAMES} more" if len(names) > MAX_NAMES else ""
    return ", ".join(names[:MAX_NAMES]) + rest


def _counted(rows: Sequence[str], word: Change) -> str:
    """``9 are identical``; of other words also which."""
    verb = "is" if len(rows) == 1 else "are"
    return f"{len(rows)} {verb} {word}" + ("" if word is Change.IDENTICAL else f" ({_listed(rows)})")


def _moved(losses: Iterable[Measure], word: Change) -> list[str]:
    """``nce is worse by 1.31 [1.20, 1.43] in density, most on rings``."""
    found = [(measure, one) for measure in losses for one in measure.shifts if one.word is word]
    return [_phrase(measure.title, one) for measure, one in found]


def _phrase(title: str, one: Shift) -> str:
    better = one.word is Change.BETTER
    told = one.ratio is not None and (one.ratio.value < 1 if better else one.ratio.value > 1)
    by, most = (f" by {times(one.ratio, better)}", f", most on {one.most}" if one.most else "") if told else ("", "")
    failed = f", with {_several(one.failed, 'new failure')}" if one.failed else ""
    mended = f", with {_several(one.mended, 'failure')} mended" if one.mended else ""
    return f"{one.row} is {one.word}{by} in {title[:1].lower()}{title[1:]}{most}{failed}{mended}"


def _costs(cost: Measure, many: str) -> Iterator[str]:
    """What became of a cost; nothing where it was not compared."""
    counts, title = Counter(one.word for one in cost.shifts), TITLES[cost.title]
    if not cost.shifts:
        return
    if len(counts) == 1 and Change.IDENTICAL in counts:
        yield f"{title}: identical."
        return
    told = [f"{counts[word]} {word}" for word in (Change.IDENTICAL, Change.TIED, Change.UNDECIDED) if counts[word]]
    moved = [one for one in cost.shifts if one.word in (Change.BETTER, Change.WORSE)]
    told += [f"{one.row} takes {times(one.ratio)} times {many}" for one in moved]
    yield f"{title}: {'; '.join(told)}."


def _failures(found: Comparison) -> Iterator[str]:
    """What failed in one run alone, by method and reason."""
    groups: dict[tuple[str, bool, str, str], list[str]] = {}
    for one in found.failures:
        groups.setdefault((one.row, one.new, one.status.value, one.error), []).append(one.name)
    for (row, new, status, error), names in groups.items():
        here, there = ("B", "A") if new else ("A", "B")
        how = f"{status} in {here}, not in {there}" + (f": {error}" if error else "")
        yield f"{row}, {_several(len(names), 'trial')} {how} ({_listed(names)})."


def _missing(found: Comparison) -> Iterator[str]:
    """Numbers that one run alone has."""
    for title in found.unruled:
        yield f"{title} is not compared: one of the runs has no such number."
    for measure in found.losses:
        for one in measure.shifts:
            for count, side in ((one.lost, "A"), (one.found, "B")):
                if count:
                    yield f"{one.row}, {_several(count, 'pair')}: {measure.title.lower()} has a number in {side} alone."


def _alone(name: str, alone: Alone) -> Iterator[str]:
    held = (("methods", alone.methods), ("datasets", alone.datasets), ("seeds", [str(seed) for seed in alone.seeds]))
    told = [f"{what} {_listed(names)}" for what, names in held if names]
    told += [_several(alone.trials, "more trial" if told else "trial")] if alone.trials else []
    if told:
        yield f"In {name} alone: {'; '.join(told)}."
    if alone.unended:
        yield f"{_several(alone.unended, 'trial')} of {name} {'has' if alone.unended == 1 else 'have'} not ended."
