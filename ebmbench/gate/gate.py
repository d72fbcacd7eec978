"""Base against head: what the change touches is counted, timed and run on both sides until every verdict is decided."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from ebmbench.errors import one_line
from ebmbench.gate import pages
from ebmbench.gate.calibration import Calibration
from ebmbench.gate.cases import MAX_SEEDS, QUALITY, TIME, Case, Rules
from ebmbench.gate.planning import Planned, Scope
from ebmbench.gate.quality import Ended, targets
from ebmbench.gate.sides import Side, SideFailed, Work, both
from ebmbench.gate.timing import pairs
from ebmbench.gate.trees import Tree
from ebmbench.gate.verdicts import Judgement, Measure
from ebmbench.store.records import RunRecord
from ebmbench.training.machine import machine_id, usable_cores

FALSE_ALARMS = 0.01
"""The probability that anything at all is wrongly called regressed or better, over all methods and measures."""
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

    def limit(self, name: str, otherwise: float) -> float:
        """The log ratio of a name that counts as the same; ``otherwise`` is the change where the suite says nothing."""
        return math.log1p(self.tolerances.get(name, otherwise))


@dataclass
class Gate:
    """One gate.

    Attributes:
        base, head: the trees.
        work: the suite, and where results are.
        settings: how.
        calibration: what equal code has looked like on this machine.
        log: where what the sides print goes.
        notice: is told what is under way.
        commands, remarks: what shows more, and what went wrong with that, once it is known.
    """

    base: Tree
    head: Tree
    work: Work
    settings: Settings
    calibration: Calibration
    log: Path
    notice: Notice = lambda text: None
    commands: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    begun: float = field(default_factory=lambda: time.monotonic())

    def run(self) -> Judgement:
        """Work until all is decided, or the time is over."""
        with self._sides([0]) as sides:
            answers = [side.ask("plan") for side in sides]
            base, head = (Planned.of(answer) for answer in answers)
            scope = Scope.of(base, head, self.settings.everything)
            cases = self._cases(scope, head)
            if Measure.WORK in self.settings.measures:
                self._count(sides, cases)
        self._compare(cases)
        return Judgement(
            str(self.work.suite.get("name", "")),
            self.base.label,
            self.head.label,
            machine_id(),
            tuple(finding for case in cases for finding in case.findings),
            scope.untouched,
            tuple(self._notes(scope, cases, answers[0]["missing"])),
            tuple(self.commands),
            time.monotonic() - self.begun,
        )

    @contextmanager
    def _sides(self, seeds: Iterable[int], methods: Iterable[str] | None = None) -> Iterator[tuple[Side, Side]]:
        """Both sides with a plan; a base may lack what head has."""
        rows, numbers = None if methods is None else list(methods), list(seeds)
        with both(self.base, self.head, self.log) as (base, head):
            base.open(self.work, numbers, rows, tolerant=True)
            head.open(self.work, numbers, rows)
            yield base, head

    def _cases(self, scope: Scope, plan: dict[str, Planned]) -> list[Case]:
        """The methods that the change touches; the false alarms that are allowed are shared out to their intervals."""
        measures = self.settings.measures
        alpha = FALSE_ALARMS / max(1, len(scope.touched) * len(measures & {Measure.TIME, Measure.QUALITY}))
        found = []
        for method in scope.touched:
            trials = tuple(trial for trial in plan.values() if trial.method == method)
            ruler = trials[0].ruler
            time_ = max(self.settings.limit("time", TIME), self.calibration.threshold(method))
            quality = self.settings.limit("" if ruler is None else ruler.metric, QUALITY)
            found.append(Case(trials, Rules(alpha, time_, quality, measures)))
        return found

    # --- work ---------------------------------------------------------------------------------------------------------

    def _count(self, sides: tuple[Side, Side], cases: Iterable[Case]) -> None:
        """Count the steps of all; one that ends its process costs the others no more than a new one."""
        waiting = list(cases)
        with ExitStack() as stack:
            while waiting:
                if not all(side.lives for side in sides):
                    sides = stack.enter_context(self._sides([0], [case.method for case in waiting]))
                case = waiting.pop(0)
                self.notice(f"{case.method}: counting its steps")
                try:
                    for trial in case.trials:
                        base, head = (side.ask("count", trial=trial.name) for side in sides)
                        case.counts[trial.name] = base, head
                except SideFailed as error:
                    case.obstacles[Measure.WORK] = f"its steps cannot be counted: {error}"

    # --- time and quality ---------------------------------------------------------------------------------------------

    def _compare(self, cases: list[Case]) -> None:
        """Whatever has had less time so far, in turns, until nothing is undecided or the time is over."""
        spent = {Measure.QUALITY: 0.0, Measure.TIME: 0.0}
        with ExitStack() as stack:
            running: tuple[Side, Side] | None = None
            while time.monotonic() - self.begun < 60 * self.settings.minutes:
                open_ = {measure: [case for case in cases if case.wants(measure)] for measure in spent}
                waiting = [measure for measure in spent if open_[measure]]
                if not waiting:
                    break
                measure, begun = min(waiting, key=lambda one: spent[one]), time.monotonic()
                if measure is Measure.TIME:
                    self._time(open_[measure])
                else:
                    rows = [case.method for case in cases]
                    running = running or stack.enter_context(self._sides(range(MAX_SEEDS), rows))
                    self._run(running, open_[measure])
                spent[measure] += time.monotonic() - begun
            if running is not None:
                self._draw(running, cases)

    def _draw(self, sides: tuple[Side, Side], cases: list[Case]) -> None:
        """The page of the methods whose losses have changed. A base may be too old for it: the verdicts stand."""
        told = [case for case in cases if (quality := case.quality) is not None and quality.changed]
        names = {outcome.name for case in told for outcome in case.outcomes}
        if not names:
            return
        file = self.log.with_name(pages.PAGE)
        try:
            base, head = (RunRecord.model_validate_json(side.ask("record")) for side in sides)
            pages.write(self.work.results, base, head, names, file)
        except Exception as error:  # noqa: BLE001
            self.remarks.append(f"the surfaces are not drawn: {one_line(error)}")
        else:
            self.commands.append(f"open {file}")

    def _time(self, cases: list[Case]) -> None:
        """One more pair of processes."""
        by_name = {case.next_timed.name: case for case in cases}
        self.notice(f"timing pair {min(len(case.ratios) for case in cases) + 1}: {', '.join(c.method for c in cases)}")
        waiting = list(by_name)
        try:
            for pair in pairs(self.base, self.head, self.work, waiting.copy(), 0, self.log):
                by_name[pair.trial].ratios.append(pair.ratio)
                waiting.remove(pair.trial)
        except SideFailed as error:
            by_name[waiting[0]].obstacles[Measure.TIME] = f"its steps cannot be timed: {error}"

    def _run(self, sides: tuple[Side, Side], cases: list[Case]) -> None:
        """More seeds on both sides."""
        names = {case.method: case.next_run for case in cases}
        every = [name for some in names.values() for name in some]
        self.notice(f"running {len(every)} trials on each side: {', '.join(names)}")
        workers = self.work.workers or usable_cores()
        base, head = (Ended.of(side.ask("run", RUNNING, trials=every, workers=workers)) for side in sides)
        for case in cases:
            case.ended(names[case.method], base, head)

    # --- what else there is to say ------------------------------------------------------------------------------------

    def _notes(self, scope: Scope, cases: list[Case], missing: dict[str, str]) -> Iterator[str]:
        if self.head.dirty:
            yield "head is the working tree as it stands, with changes that are not committed"
        for method in scope.new:
            why = missing.get(method)
            yield f"{method} is new: base has nothing to compare it with" + (f" ({why})" if why else "")
        for method in scope.gone:
            yield f"{method} is gone: head does not have it"
        yield from self.remarks
        for case in cases:
            yield from (f"{case.method}: {obstacle}" for obstacle in case.obstacles.values())
            yield from (f"{case.method}: {remark}" for remark in targets(case.outcomes))
        if cases and Measure.TIME in self.settings.measures and not self.calibration.known:
            yield "this machine has no calibration: times are judged by the tolerance alone (ebmbench gate --calibrate)"
