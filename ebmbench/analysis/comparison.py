"""Two runs compared, trial by trial: what changed, what has no counterpart, and what is different about them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ebmbench.analysis.boards import losses
from ebmbench.analysis.contrasts import Contrast, contrasts
from ebmbench.analysis.counterparts import Pair, Side, called, has_several, paired, values
from ebmbench.analysis.shifts import Change, Shift
from ebmbench.contracts.records import EnergyKind, Ruler, Status
from ebmbench.store.records import RunRecord

LOAD = 1.1
"""Seconds are comparable if the processor's share of them is the same within this factor."""


@dataclass(frozen=True)
class Measure:
    """One loss or cost of all methods."""

    title: str
    metric: str
    shifts: tuple[Shift, ...]
    legend: str = ""


@dataclass(frozen=True)
class Alone:
    """What one run has, and the other has not."""

    methods: tuple[str, ...]
    datasets: tuple[str, ...]
    seeds: tuple[int, ...]
    trials: int
    """Those without a counterpart that nothing of this explains."""
    unended: int
    """Trials that have not ended, which are compared with nothing."""


@dataclass(frozen=True)
class Failure:
    """A trial that ended well in one run, and in the other did not (``status``), or could not be run."""

    row: str
    name: str
    new: bool
    status: Status
    error: str


@dataclass(frozen=True)
class Comparison:
    """Run B against run A.

    Attributes:
        a, b: the runs.
        rows, datasets: what both have, reference rows last.
        pairs: how many trials that ended both have.
        shared: how many of the pairs are one and the same trial of one store.
        losses: by each ruler of B's tracks.
        unruled: titles of rulers of which one run has no number.
        passes, seconds: the costs. Of seconds only those on the same machine under the same load.
        uncompared: pairs whose seconds are not compared, by the reason.
        alone_a, alone_b: what has no counterpart.
        failures: what failed in one alone.
        contrasts: what is different about the runs and their trials.
    """

    a: RunRecord
    b: RunRecord
    rows: tuple[str, ...]
    datasets: tuple[str, ...]
    pairs: int
    shared: int
    losses: tuple[Measure, ...]
    unruled: tuple[str, ...]
    passes: Measure
    seconds: Measure
    uncompared: dict[str, int]
    alone_a: Alone
    alone_b: Alone
    failures: tuple[Failure, ...]
    contrasts: tuple[Contrast, ...]

    @property
    def words(self) -> dict[str, Change]:
        """What became of each method that has a number: what holds of all rulers; worse, if it is so by any."""
        found: dict[str, list[Change]] = {}
        for measure in self.losses:
            for each in measure.shifts:
                found.setdefault(each.row, []).append(each.word)
        return {row: _of_all(words) for row, words in found.items()}

    @classmethod
    def of(cls, a: Side, b: Side) -> Comparison:
        """All that is to be said."""
        pairs = paired(a, b)
        rulers = {ruler: None for track in b.run.tracks for ruler in track.ruled_by}
        measures = [_by_ruler(pairs, ruler, b.run) for ruler in rulers]
        held = [[_has(side, ruler.metric) for side in (a, b)] for ruler in rulers]
        costs, uncompared = _comparable(pairs, a.trials, b.trials)
        names = [_names(pairs, side) for side in "ab"]
        return cls(
            a.run,
            b.run,
            tuple(pair.row for pair in pairs),
            tuple(dict.fromkeys(name for pair in pairs for name in pair.trials.index.get_level_values(0))),
            len(names[0]),
            _shared(a, b, *names),
            tuple(measure for measure, sides in zip(measures, held, strict=True) if all(sides) and measure.shifts),
            tuple(ruler.title for ruler, sides in zip(rulers, held, strict=True) if sum(sides) == 1),
            _cost(pairs, "passes"),
            _cost(costs, "train_seconds"),
            uncompared,
            _alone(a, b, names[0]),
            _alone(b, a, names[1]),
            tuple(failure for pair in pairs for failure in _failures(pair)),
            contrasts(a.result, b.result, [(pair.row, pair.trials) for pair in pairs]),
        )


def _of_all(words: Sequence[Change]) -> Change:
    told = [word for word in (Change.WORSE, Change.BETTER, Change.UNDECIDED, Change.TIED) if word in words]
    return told[0] if told else Change.IDENTICAL


# --- numbers ---------------------------------------------------------------------------------------------------------


def _by_ruler(pairs: Iterable[Pair], ruler: Ruler, run: RunRecord) -> Measure:
    tracks = [track.name for track in run.tracks if ruler in track.ruled_by]
    standing = [p for p in pairs if ruler.of_order or EnergyKind.RANKING not in (p.a.kind, p.b.kind)]
    found = (
        pair.shift(losses(pair.a, ruler, tracks), losses(pair.b, ruler, tracks), ruler.metric) for pair in standing
    )
    return Measure(ruler.title, ruler.metric, tuple(one for one in found if one is not None), ruler.legend)


def _has(side: Side, metric: str) -> bool:
    return any(metric in method.values and method.values[metric].notna().any() for method in side.methods)


def _cost(pairs: Iterable[Pair], name: str) -> Measure:
    """A cost of the methods, without the reference rows, which are not trained."""
    found = []
    for pair in pairs:
        if not pair.reference:
            with np.errstate(divide="ignore"):
                a, b = (values(method, name).map(np.log) for method in (pair.a, pair.b))
            found.append(pair.shift(a, b, name))
    return Measure(name, name, tuple(one for one in found if one is not None))


def _comparable(pairs: Iterable[Pair], a: pd.DataFrame, b: pd.DataFrame) -> tuple[list[Pair], dict[str, int]]:
    """The pairs of trials whose seconds may be compared; and how many may not, and why."""
    found, reasons = list[Pair](), Counter[str]()
    for pair in pairs:
        trained = pair.trials[(pair.trials[["status_a", "status_b"]] == Status.OK).all(axis=1)]
        if len(trained) and not pair.reference:
            why = _why_not(a.loc[trained["name_a"]], b.loc[trained["name_b"]])
            found.append(Pair(pair.row, pair.a, pair.b, trained[why == ""]))
            reasons.update(str(reason) for reason in why if reason)
    return found, dict(reasons)


def _why_not(a: pd.DataFrame, b: pd.DataFrame) -> np.ndarray:
    """Why the seconds of trials (rows of both tables, in the same order) are not comparable; empty where they are."""
    first, second = (table.reset_index(drop=True) for table in (a, b))
    same = (first["trial"] == second["trial"]) & (first["started"] == second["started"])
    unknown = (first["machine_id"].fillna("") == "") | (second["machine_id"].fillna("") == "")
    shares = [table["processor_seconds"].astype(float) / table["train_seconds"] for table in (first, second)]
    alike = (shares[0] / shares[1]).fillna(1).between(1 / LOAD, LOAD)
    beside = first["n_concurrent"] != second["n_concurrent"]
    conditions = [same, unknown, first["machine_id"] != second["machine_id"], beside | ~alike]
    return np.select(conditions, ["", "unknown machine", "another machine", "another load"], "")


# --- what is not in both ---------------------------------------------------------------------------------------------


def _names(pairs: Iterable[Pair], side: str) -> list[str]:
    return [str(name) for pair in pairs for name in pair.trials[f"name_{side}"]]


def _shared(a: Side, b: Side, names_a: Sequence[str], names_b: Sequence[str]) -> int:
    if a.result.store.root.resolve() != b.result.store.root.resolve():
        return 0
    keys = zip(a.trials.loc[list(names_a), "trial"], b.trials.loc[list(names_b), "trial"], strict=True)
    return sum(first == second for first, second in keys)


def _alone(side: Side, other: Side, those: Sequence[str]) -> Alone:
    mine, theirs, several = side.by_name, other.by_name, has_several(side, other)
    methods = [key for key in mine if key not in theirs]
    facts, others = (pd.concat([m.facts for m in s.methods]) if s.methods else s.trials for s in (side, other))
    datasets, seeds = (
        [value for value in dict.fromkeys(facts[name].tolist()) if value not in set(others[name].tolist())]
        for name in ("dataset", "seed")
    )
    rest = pd.concat([m.facts for key, m in mine.items() if key in theirs] or [facts.iloc[:0]])
    left = rest[~rest.index.isin(list(those)) & ~rest["dataset"].isin(datasets) & ~rest["seed"].isin(seeds)]
    return Alone(
        tuple(called(*key, several) for key in methods),
        tuple(map(str, datasets)),
        tuple(int(seed) for seed in seeds),
        len(left),
        int(side.trials["status"].isna().sum()),
    )


def _failures(pair: Pair) -> Iterator[Failure]:
    for _, trial in pair.trials.iterrows():
        ended = [trial[f"status_{side}"] for side in "ab"]
        if (ended[0] == Status.OK) != (ended[1] == Status.OK):
            new = ended[0] == Status.OK
            name, facts = trial["name_b" if new else "name_a"], (pair.b if new else pair.a).facts
            yield Failure(pair.row, str(name), new, Status(ended[new]), str(facts.loc[name, "error"]))
