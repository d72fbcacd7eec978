"""The commit at which something became worse: every step is a gate of one commit against the good one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from ebmbench.errors import UsageError, suggest
from ebmbench.gate.calibration import Calibration
from ebmbench.gate.commits import Commit, between
from ebmbench.gate.gate import Gate, Settings
from ebmbench.gate.planning import Planned, Scope
from ebmbench.gate.searching import Judged, search
from ebmbench.gate.session import CALIBRATION, Asked, alone, prepared
from ebmbench.gate.sides import Side, Work
from ebmbench.gate.trees import Tree, head_tree, tree_of
from ebmbench.gate.verdicts import Finding, Judgement, Measure, Verdict
from ebmbench.training.machine import machine_id

TIME, STATUS = "time", "status"
"""What the seconds of a step are called on the command line, and whether trials end well."""
ORDER = (Measure.WORK, Measure.QUALITY, Measure.TIME)
"""What is looked at where nothing is said: first what takes the least."""
COUNTERS = ("passes", "flops", "operations", "energy_rows", "gradient_rows", "peak_bytes")
"""What a side counts of a method's steps."""

Plan = dict[str, Planned]


@dataclass(frozen=True)
class Step:
    """One commit that was judged.

    Attributes:
        said: whether it is good or bad.
        finding: what it rests on; None where the code of the methods is that of the good commit, or it was skipped.
        why: what else there is to say.
    """

    commit: Commit
    said: Judged
    finding: Finding | None = None
    why: str = ""


@dataclass(frozen=True)
class Found:
    """What came of it.

    Attributes:
        suite, machine: what was run, and where.
        good: the good commit, as people call it.
        metric: what became worse.
        suspects: the first bad commit; several if those between could not be judged.
        steps: what was judged, in that order, the bad commit first.
    """

    suite: str
    machine: str
    good: str
    metric: str
    suspects: tuple[Commit, ...]
    steps: tuple[Step, ...]

    @property
    def finding(self) -> Finding | None:
        """What the last of the suspects has, against the good commit."""
        return next(step.finding for step in self.steps if step.commit == self.suspects[-1])

    @property
    def exit_code(self) -> int:
        """0 if it is one commit, 4 if it can be one of several."""
        return 0 if len(self.suspects) == 1 else 4


def bisect(asked: Asked, good: str, bad: str, metric: str | None, tell: Callable[[Step], None]) -> Found:
    """Find the commit at which a metric became worse.

    Args:
        asked: as for a gate; the minutes are those of a step.
        good, bad: the commits between which it lies.
        metric: a counter, the flat name of a loss, ``time`` or ``status``; None for whatever is worse.
        tell: is told of each step.

    Raises:
        UsageError: if what is asked for cannot be, or the bad commit is not worse.
    """
    here = head_tree(asked.folder)
    work, settings = prepared(asked, here, asked.suite or "smoke")
    commits = between(here.root, good, bad)
    with alone(asked.results) as place, tree_of(here, good, place, "good", "--good") as base:
        calibration = Calibration.read(place / CALIBRATION, machine_id())
        return Bisection(here, base, work, settings, calibration, place, asked.notice, tell, metric).run(commits)


@dataclass
class Bisection:
    """One search.

    Attributes:
        here: the checkout.
        good: the worktree of the good commit.
        work, settings, calibration: as of a gate.
        place: the folder of the gates.
        notice, tell: are told what is under way, and of each step.
        metric: what became worse; empty until it is known.
        methods: those that have become worse in it.
        plans: those of the commits that were judged, and what was said of them.
    """

    here: Tree
    good: Tree
    work: Work
    settings: Settings
    calibration: Calibration
    place: Path
    notice: Callable[[str], None]
    tell: Callable[[Step], None]
    metric: str | None
    methods: frozenset[str] = frozenset()
    plans: list[tuple[Plan, Step | None]] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)

    def run(self, commits: tuple[Commit, ...]) -> Found:
        """All of it, the bad commit first."""
        self.plans.append((self._plan(self.good), None))
        self._known_metric()
        self._first(commits[-1])
        places = search(len(commits), lambda place: self._judge(commits[place]).said)
        suspects = tuple(commits[place] for place in places)
        name = str(self.work.suite.get("name", ""))
        return Found(name, machine_id(), self.good.label, self.metric or "", suspects, tuple(self.steps))

    # --- what became worse --------------------------------------------------------------------------------------------

    def _known_metric(self) -> None:
        losses = {trial.ruler.metric for trial in self.plans[0][0].values() if trial.ruler is not None}
        known = [*COUNTERS, *sorted(losses), TIME, STATUS]
        if self.metric is not None and self.metric not in known:
            raise UsageError(f"--metric {self.metric}: is not judged here{suggest(self.metric, known)}")

    def _first(self, bad: Commit) -> None:
        """See that the bad commit is worse, and in what.

        Raises:
            UsageError: if it is not, or cannot be judged.
        """
        told = []
        with tree_of(self.here, bad.sha, self.place, "step", "--bad") as tree:
            plan = self._plan(tree)
            for measure in ORDER if self.metric is None else (measure_of(self.metric),):
                judgement = self._gate(tree, measure)
                found = [one for one in judgement.findings if self.metric in (None, name_of(one))]
                worse = [one for one in found if one.verdict is Verdict.REGRESSED]
                if worse:
                    self.metric = name_of(worse[0])
                    self.methods = frozenset(one.method for one in worse if name_of(one) == self.metric)
                    step = Step(bad, Judged.BAD, worse[0])
                    self.plans.append((plan, step))
                    self._tell(step)
                    return
                told += list(_told(judgement, found, self.metric or measure.value))
        raise UsageError(f"{tree.label} is not worse than {self.good.label}: {'; '.join(dict.fromkeys(told))}")

    # --- one commit ---------------------------------------------------------------------------------------------------

    def _judge(self, commit: Commit) -> Step:
        """What is to be said of a commit; one whose methods are those of another is as good or bad as that."""
        try:
            with tree_of(self.here, commit.sha, self.place, "step", "--bad") as tree:
                plan = self._plan(tree)
                step = self._alike(commit, plan) or self._measured(commit, tree)
                self.plans.append((plan, step))
        except UsageError as error:  # it cannot be installed, planned or asked
            step = Step(commit, Judged.SKIP, why=str(error).splitlines()[0])
        self._tell(step)
        return step

    def _alike(self, commit: Commit, plan: Plan) -> Step | None:
        for other, step in self.plans:
            scope = Scope.of(other, plan)
            if not (scope.touched or scope.new or scope.gone):
                if step is None:
                    return Step(commit, Judged.GOOD, why=f"the same code as {self.good.label}")
                return replace(step, commit=commit, why=step.why or f"the same code as {step.commit.short}")
        return None

    def _measured(self, commit: Commit, tree: Tree) -> Step:
        assert self.metric is not None
        judgement = self._gate(tree, measure_of(self.metric))
        found = [one for one in judgement.findings if one.method in self.methods and name_of(one) == self.metric]
        worse = [one for one in found if one.verdict is Verdict.REGRESSED]
        judged = {one.method for one in found if one.verdict is not Verdict.UNDECIDED} | set(judgement.untouched)
        if self.metric == STATUS:
            judged |= {one.method for one in judgement.findings}
        if worse:
            return Step(commit, Judged.BAD, worse[0])
        if judged >= self.methods:
            return Step(commit, Judged.GOOD, found[0] if found else None)
        return Step(commit, Judged.SKIP, why="; ".join(dict.fromkeys(_told(judgement, found, self.metric))))

    def _plan(self, tree: Tree) -> Plan:
        with Side(tree, self.place / "log.txt") as side:
            side.open(self.work, [0])
            return Planned.of(side.ask("plan"))

    def _gate(self, tree: Tree, measure: Measure) -> Judgement:
        settings = replace(self.settings, measures=frozenset({measure}))
        log = self.place / "log.txt"
        return Gate(self.good, tree, self.work, settings, self.calibration, log, self.notice).run()

    def _tell(self, step: Step) -> None:
        self.steps.append(step)
        self.tell(step)


def measure_of(metric: str) -> Measure:
    """What is measured for a metric."""
    if metric in COUNTERS:
        return Measure.WORK
    return Measure.TIME if metric == TIME else Measure.QUALITY


def name_of(finding: Finding) -> str:
    """What a finding is called on the command line."""
    return TIME if finding.measure is Measure.TIME else finding.name


def _told(judgement: Judgement, found: Iterable[Finding], metric: str) -> Iterator[str]:
    """Why a judgement is not that something is worse."""
    for one in judgement.findings:
        if one in found or one.measure is Measure.OUTCOME:
            more = f" (about {one.more} more pairs would decide it)" if one.more else ""
            yield f"{one.method} {name_of(one)} {one.verdict}{more}" + (f": {one.why}" if one.why else "")
    if judgement.untouched:
        yield f"{', '.join(judgement.untouched[:6])}: the same code, {metric} same"
    yield from (note for note in judgement.notes if "calibration" not in note)
