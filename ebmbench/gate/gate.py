"""Base against head: what the change touches is counted, timed and run on both sides until every verdict is decided."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from ebmbench.contracts.records import Ruler
from ebmbench.gate.calibration import Calibration
from ebmbench.gate.medians import fewest
from ebmbench.gate.planning import Planned, Scope
from ebmbench.gate.quality import Ended, Outcome, ends
from ebmbench.gate.sides import Side, SideFailed, Work, both
from ebmbench.gate.timing import pairs as timed_pairs
from ebmbench.gate.trees import Tree
from ebmbench.gate.verdicts import Finding, Judgement, Measure, Verdict, compared, judged
from ebmbench.training.machine import machine_id, usable_cores

FALSE_ALARMS = 0.01
"""The probability that anything at all is wrongly called regressed or better, over all methods and measures."""
TIME, QUALITY = 0.03, 0.10
"""Changes that count as the same, where the suite says nothing."""
MAX_SEEDS = 60
"""Seeds that quality is compared on at most."""
STEP = 4
"""Seeds at a time, once there are as many as an interval needs."""

RUNNING = 86_400.0
"""Seconds that a batch of trials is waited for: each of them has a deadline of its own."""

Notice = Callable[[str], None]


@dataclass(frozen=True)
class Settings:
    """How a gate is done.

    Attributes:
        minutes: after which nothing new is begun.
        tolerances: changes that count as the same, by ``time`` and the flat names of metrics.
        everything: also what the change does not touch is measured.
        measures: what is compared.
    """

    minutes: float = 10.0
    tolerances: dict[str, float] = field(default_factory=dict)
    everything: bool = False
    measures: frozenset[Measure] = frozenset(Measure)


class Gate:
    """One gate.

    Args:
        base, head: the trees.
        work: the suite, and where results are.
        settings: how.
        calibration: what equal code has looked like on this machine.
        log: where what the sides print goes.
        notice: is told what is under way.
    """

    def __init__(
        self,
        base: Tree,
        head: Tree,
        work: Work,
        settings: Settings,
        calibration: Calibration,
        log: Path,
        notice: Notice = lambda text: None,
    ) -> None:
        self.trees, self.work, self.settings, self.calibration = (base, head), work, settings, calibration
        self.log, self.notice = log, notice
        self.begun = time.monotonic()
        self.times: dict[str, list[float]] = {}
        self.outcomes: dict[str, list[Outcome]] = {}
        self.notes: list[str] = []

    def run(self) -> Judgement:
        """Work until all is decided, or the time is over."""
        with self._sides([0], tolerant=True) as sides:
            plans = self._plans(sides)
            self.scope = Scope.of(*plans, self.settings.everything)
            self.trials = plans[1]
            counted = list(self._count(sides)) if Measure.WORK in self.settings.measures else []
        if self.scope.touched:
            self._compare()
        return self._judgement(counted)

    # --- what is to be done -------------------------------------------------------------------------------------------

    @contextmanager
    def _sides(self, seeds: list[int], methods: Iterable[str] | None = None, tolerant: bool = False) -> Iterator[tuple[Side, Side]]:
        rows = None if methods is None else list(methods)
        with both(*self.trees, self.log) as (base, head):
            base.open(self.work, seeds, rows, tolerant)
            head.open(self.work, seeds, rows)
            yield base, head

    def _plans(self, sides: tuple[Side, Side]) -> tuple[dict[str, Planned], dict[str, Planned]]:
        answers = [side.ask("plan") for side in sides]
        self.missing: dict[str, str] = answers[0]["missing"]
        return Planned.of(answers[0]), Planned.of(answers[1])

    def _of(self, method: str) -> list[Planned]:
        """The trials of a method at the first seed, one a dataset."""
        return [trial for trial in self.trials.values() if trial.method == method]

    @property
    def alpha(self) -> float:
        """What each interval may be wrong with: shared out over all of them."""
        intervals = len(self.scope.touched) * len(self.settings.measures & {Measure.TIME, Measure.QUALITY})
        return FALSE_ALARMS / max(1, intervals)

    # --- work ---------------------------------------------------------------------------------------------------------

    def _count(self, sides: tuple[Side, Side]) -> Iterator[Finding]:
        """All counters of all methods that the change touches, on every dataset."""
        for method in self.scope.touched:
            self.notice(f"{method}: counting")
            for trial in self._of(method):
                try:
                    base, head = (side.ask("count", trial=trial.name) for side in sides)
                except SideFailed as error:
                    self.notes.append(f"{trial.name}: its steps cannot be counted: {error}")
                    continue
                for name in base.keys() & head.keys():
                    found = compared(method, name, base[name], head[name])
                    if found.verdict is not Verdict.SAME or trial is self._of(method)[0]:
                        yield found

    # --- time and quality ---------------------------------------------------------------------------------------------

    def _compare(self) -> None:
        """In turns, whatever has had less time so far, until nothing is undecided or the time is over."""
        spent = {measure: 0.0 for measure in (Measure.QUALITY, Measure.TIME) if measure in self.settings.measures}
        with ExitStack() as stack:
            sides = None
            while True:
                open_ = {measure: self._undecided(measure) for measure in spent}
                waiting = [measure for measure in spent if open_[measure]]
                if not waiting or time.monotonic() - self.begun > 60 * self.settings.minutes:
                    return
                measure = min(waiting, key=lambda one: spent[one])
                begun = time.monotonic()
                if measure is Measure.TIME:
                    self._time(open_[measure])
                else:
                    sides = sides or stack.enter_context(self._sides(list(range(MAX_SEEDS)), self.scope.touched))
                    self._run(sides, open_[measure])
                spent[measure] += time.monotonic() - begun

    def _undecided(self, measure: Measure) -> list[str]:
        """The methods of which more pairs would be of use."""
        if measure is Measure.TIME:
            return [m for m in self.scope.touched if m not in self._untimed and self._time_finding(m).verdict is Verdict.UNDECIDED]
        return [m for m in self.scope.touched if not self._quality_decided(m)]

    @property
    def _untimed(self) -> set[str]:
        return {method for method, found in self.times.items() if any(math.isnan(value) for value in found)}

    def _time(self, methods: list[str]) -> None:
        """One more pair of each; datasets and seeds in turn."""
        number = max((len(self.times.get(method, ())) for method in methods), default=0)
        trials = {m: self._of(m)[number % len(self._of(m))] for m in methods}
        names = [trial.name for trial in trials.values()]
        self.notice(f"timing pair {number + 1} of {', '.join(methods)}")
        try:
            for pair in timed_pairs(*self.trees, self.work, names, 0, self.log):
                self.times.setdefault(pair.trial.partition("/")[0], []).append(pair.ratio)
        except SideFailed as error:
            left = [m for m in methods if len(self.times.get(m, ())) <= number]
            self.notes.append(f"{left[0]}: its steps cannot be timed: {error}")
            self.times.setdefault(left[0], []).append(math.nan)

    def _run(self, sides: tuple[Side, Side], methods: list[str]) -> None:
        """More seeds of each, on both sides."""
        names = []
        for method in methods:
            trials = self._of(method)
            done = len(self.outcomes.get(method, ())) // len(trials)
            enough = math.ceil(fewest(self.alpha) / len(trials))
            upto = min(MAX_SEEDS, 2 if done == 0 else max(enough, done + STEP))
            names += [_at_seed(trial.name, seed) for seed in range(done, upto) for trial in trials]
        self.notice(f"running {len(names)} trials on each side: {', '.join(methods)}")
        workers = self.work.workers or usable_cores()
        ended = [Ended.of(side.ask("run", RUNNING, trials=names, workers=workers)) for side in sides]
        for name in names:
            outcome = Outcome(name, ended[0][name], ended[1][name])
            self.outcomes.setdefault(name.partition("/")[0], []).append(outcome)

    # --- verdicts -----------------------------------------------------------------------------------------------------

    def _limit(self, name: str, otherwise: float) -> float:
        return math.log1p(self.settings.tolerances.get(name, otherwise))

    def _time_finding(self, method: str) -> Finding:
        limit = max(self._limit("time", TIME), self.calibration.threshold(method))
        return judged(method, Measure.TIME, "step", self.times.get(method, ()), limit, self.alpha)

    def _ruler(self, method: str) -> Ruler | None:
        return self._of(method)[0].ruler

    def _quality_finding(self, method: str) -> Finding | None:
        ruler = self._ruler(method)
        if ruler is None:
            return None
        ratios = [one.ratio(ruler) for one in self.outcomes.get(method, ())]
        limit = self._limit(ruler.metric, QUALITY)
        found = [ratio for ratio in ratios if ratio is not None]
        return judged(method, Measure.QUALITY, ruler.metric, found, limit, self.alpha)

    def _quality_decided(self, method: str) -> bool:
        outcomes, finding = self.outcomes.get(method, []), self._quality_finding(method)
        crashed = ends(method, outcomes)
        if finding is None or (crashed is not None and crashed.verdict is Verdict.REGRESSED):
            return bool(outcomes)
        return finding.verdict is not Verdict.UNDECIDED or len(outcomes) >= MAX_SEEDS * len(self._of(method))

    def _judgement(self, counted: list[Finding]) -> Judgement:
        findings = []
        for method in self.scope.touched:
            findings += [finding for finding in counted if finding.method == method]
            if Measure.TIME in self.settings.measures and method not in self._untimed:
                findings.append(self._time_finding(method))
            if Measure.QUALITY in self.settings.measures:
                quality, end = self._quality_finding(method), ends(method, self.outcomes.get(method, []))
                findings += [one for one in (quality, end) if one is not None]
        base, head = self.trees
        return Judgement(
            str(self.work.suite.get("name", "")),
            base.label,
            head.label,
            machine_id(),
            tuple(findings),
            self.scope.untouched,
            (*self._scope_notes(), *self.notes),
            seconds=time.monotonic() - self.begun,
        )

    def _scope_notes(self) -> Iterator[str]:
        if "with changes" in self.trees[1].label:
            yield "head is the working tree as it stands, with changes that are not committed"
        for method in self.scope.new:
            why = self.missing.get(method)
            yield f"{method} is new: base has nothing to compare it with" + (f" ({why})" if why else "")
        for method in self.scope.gone:
            yield f"{method} is gone: head does not have it"
        if not self.calibration.known and Measure.TIME in self.settings.measures and self.scope.touched:
            yield "this machine has no calibration: times are judged by the tolerance alone (ebmbench gate --calibrate)"


def _at_seed(name: str, seed: int) -> str:
    """The trial of that seed: names are ``method/dataset/seed/device``."""
    head, _, device = name.rpartition("/")
    return f"{head.rpartition('/')[0]}/{seed}/{device}"
