"""Head against a table of trials that somebody has kept, such as those below results/reference/."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from ebmbench.errors import UsageError, one_line
from ebmbench.gate.cases import QUALITY, Case, Rules
from ebmbench.gate.gate import FALSE_ALARMS, RUNNING, Notice, Settings
from ebmbench.gate.planning import Planned
from ebmbench.gate.probe import TOTALS
from ebmbench.gate.quality import Ended
from ebmbench.gate.sides import Side, Work
from ebmbench.gate.trees import Tree
from ebmbench.gate.verdicts import Judgement, Measure
from ebmbench.training.machine import machine_id, usable_cores

TABLE = "trials.csv"
BOARD = "leaderboard.md"
MADE = "Commit "
"""How the line of a board begins that says what it was made with."""
SLACK = 0.5
"""Counters of whole trainings are rounded to whole numbers."""


@dataclass(frozen=True)
class Table:
    """Trials as they were kept.

    Attributes:
        folder: where.
        trials: by name.
        made: what the board beside it says of commit and machine; empty where there is none.
    """

    folder: Path
    trials: Mapping[str, Ended]
    made: str

    @property
    def seeds(self) -> list[int]:
        """All seeds of its trials, in order."""
        return sorted({int(name.rsplit("/", 2)[1]) for name in self.trials})

    @classmethod
    def read(cls, folder: Path) -> Table:
        """The table of a folder.

        Raises:
            UsageError: if there is none, or it is none of ours.
        """
        file = folder / TABLE
        if not file.is_file():
            raise UsageError(f"--against {folder}: has no {TABLE}; expected a folder such as results/reference/toy2d")
        try:
            rows = pd.read_csv(file)
            rows["status"], rows["name"] = rows["status"].astype(str), rows["name"].astype(str)
        except (ValueError, KeyError, OSError) as error:
            raise UsageError(f"--against {file}: is no table of trials: {one_line(error)}") from None
        errors = rows["error"].fillna("").astype(str) if "error" in rows else [""] * len(rows)
        numbers = rows.select_dtypes("number")
        trials = {
            name: _ended(status, error, dict(zip(numbers.columns, row, strict=True)))
            for name, status, error, row in zip(rows["name"], rows["status"], errors, numbers.to_numpy(), strict=True)
        }
        board = folder / BOARD
        lines = board.read_text(encoding="utf-8").splitlines() if board.is_file() else []
        return cls(folder, trials, next((line for line in lines if line.startswith(MADE)), ""))


def _ended(status: str, error: str, numbers: Mapping[str, float]) -> Ended:
    known = {name: float(value) for name, value in numbers.items() if not math.isnan(value)}
    return Ended(status, error, known, {name: known[name] for name in TOTALS if name in known})


def against(table: Table, head: Tree, work: Work, settings: Settings, log: Path, notice: Notice) -> Judgement:
    """Quality and counters of head against a table; seconds are not compared.

    Trials are run seed by seed, until all is decided or the table is through.
    """
    begun = time.monotonic()
    with Side(head, log) as side:
        side.open(work, table.seeds)
        plan = {n: t for n, t in Planned.of(side.ask("plan")).items() if not t.reference}
        cases = _cases(table, plan, settings)
        for seed in table.seeds:
            open_ = [case for case in cases if case.wants(Measure.QUALITY)]
            if not open_ or time.monotonic() - begun > 60 * settings.minutes:
                break
            names = {c.method: [n for n in plan if plan[n].seed == seed and plan[n].method == c.method] for c in open_}
            shared = {method: [name for name in some if name in table.trials] for method, some in names.items()}
            every = [name for some in shared.values() for name in some]
            notice(f"running seed {seed}: {len(every)} trials")
            workers = work.workers or usable_cores()
            ended = Ended.of(side.ask("run", RUNNING, trials=every, workers=workers))
            for case in open_:
                case.ended(shared[case.method], table.trials, ended)
                for name in shared[case.method]:
                    case.counts[name] = _alike(table.trials[name].counters, ended[name].counters)
    findings = tuple(finding for case in cases for finding in case.findings)
    base = f"{table.folder.name} as it was kept"
    notes = tuple(_notes(table, plan))
    name = str(work.suite.get("name", ""))
    return Judgement(name, base, head.label, machine_id(), findings, (), notes, seconds=time.monotonic() - begun)


def _cases(table: Table, plan: Mapping[str, Planned], settings: Settings) -> list[Case]:
    methods = list(dict.fromkeys(trial.method for name, trial in plan.items() if name in table.trials))
    if not methods:
        known = ", ".join(list(dict.fromkeys(name.partition("/")[0] for name in table.trials))[:8])
        raise UsageError(f"--against {table.folder}: has none of the suite's trials; it has {known}")
    found = []
    for method in methods:
        trials = tuple(t for n, t in plan.items() if t.method == method and t.seed == table.seeds[0])
        metric = trials[0].ruler.metric if trials[0].ruler is not None else ""
        quality = settings.limit(metric, QUALITY)
        found.append(Case(trials, Rules(FALSE_ALARMS / len(methods), 0.0, quality, frozenset({Measure.QUALITY}))))
    return found


def _alike(base: Mapping[str, float], head: Mapping[str, float]) -> tuple[dict[str, float], dict[str, float]]:
    """The counters that both have; two that differ by what rounding took away are one."""
    names = [name for name in base if name in head]
    first = {name: base[name] for name in names}
    return first, {n: first[n] if abs(head[n] - first[n]) <= SLACK else head[n] for n in names}


def _notes(table: Table, plan: Mapping[str, Planned]) -> Iterator[str]:
    made = f" ({table.made.rstrip('.')})" if table.made else ""
    yield f"seconds are not compared: those of {table.folder.name} are of another time and machine{made}"
    absent = dict.fromkeys(trial.method for name, trial in plan.items() if name not in table.trials)
    for method in absent:
        yield f"{method}: the table lacks some or all of its trials"
