"""One method on both sides: what has been counted, timed and run of it, and what that comes to."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ebmbench.contracts.records import Ruler
from ebmbench.gate.medians import fewest
from ebmbench.gate.planning import Planned
from ebmbench.gate.quality import Ended, Outcome, ends
from ebmbench.gate.verdicts import Finding, Measure, Verdict, compared, judged

TIME, QUALITY = 0.03, 0.10
"""Changes that count as the same, where the suite says nothing."""
MAX_SEEDS = 60
"""Seeds that quality is compared on at most."""
FIRST, STEP = 2, 4
"""Seeds of the first look, which shows crashes and numbers that are identical; and those of each after the fewest."""


@dataclass(frozen=True)
class Rules:
    """How one method is judged.

    Attributes:
        alpha: the probability of ever being wrong about one interval.
        time, quality: log ratios that count as the same.
        measures: what is compared.
    """

    alpha: float
    time: float
    quality: float
    measures: frozenset[Measure]


@dataclass
class Case:
    """What is known of one method so far.

    Attributes:
        trials: its trials at the first seed, one a dataset.
        rules: how it is judged.
        counts: counters of both sides, by the name of the trial.
        ratios: log ratios of times, one a pair of processes.
        outcomes: trials on both sides, seed by seed.
        obstacles: what could not be done, by measure.
    """

    trials: tuple[Planned, ...]
    rules: Rules
    counts: dict[str, tuple[Mapping[str, float], Mapping[str, float]]] = field(default_factory=dict)
    ratios: list[float] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)
    obstacles: dict[Measure, str] = field(default_factory=dict)

    @property
    def method(self) -> str:
        """The row of the suite."""
        return self.trials[0].method

    @property
    def ruler(self) -> Ruler | None:
        """What its loss is."""
        return self.trials[0].ruler

    # --- what is to be done -------------------------------------------------------------------------------------------

    def wants(self, measure: Measure) -> bool:
        """Whether more pairs of time, or of quality, would be of use."""
        if measure not in self.rules.measures or measure in self.obstacles:
            return False
        if measure is Measure.TIME:
            return self.time.verdict is Verdict.UNDECIDED
        if self._crashed or self.seeds_done >= MAX_SEEDS:
            return False
        quality = self.quality
        return not self.outcomes if quality is None else quality.verdict is Verdict.UNDECIDED

    @property
    def next_timed(self) -> Planned:
        """The trial that the next pair of processes is to train: the datasets in turn."""
        return self.trials[len(self.ratios) % len(self.trials)]

    @property
    def seeds_done(self) -> int:
        """Seeds that were run on all datasets."""
        return len(self.outcomes) // len(self.trials)

    @property
    def next_run(self) -> list[str]:
        """The trials that are to be run next: first a few, then as many as an interval needs, then some at a time."""
        done, enough = self.seeds_done, math.ceil(fewest(self.rules.alpha) / len(self.trials))
        upto = FIRST if done == 0 else enough if done < enough else done + STEP
        return [at_seed(trial.name, seed) for seed in range(done, min(MAX_SEEDS, upto)) for trial in self.trials]

    def ended(self, names: Sequence[str], base: Mapping[str, Ended], head: Mapping[str, Ended]) -> None:
        """Take in what came of trials."""
        self.outcomes += [Outcome(name, base[name], head[name]) for name in names]

    # --- what it comes to ---------------------------------------------------------------------------------------------

    @property
    def findings(self) -> list[Finding]:
        """All verdicts, work first."""
        found = list(self.work)
        if Measure.TIME in self.rules.measures and Measure.TIME not in self.obstacles:
            found.append(self.time)
        if Measure.QUALITY in self.rules.measures:
            found += [one for one in (self.quality, ends(self.method, self.outcomes)) if one is not None]
        return found

    @property
    def work(self) -> list[Finding]:
        """A verdict on each counter: on the first trial that differs in it, else on the first."""
        found: dict[str, Finding] = {}
        for base, head in self.counts.values():
            for name in (name for name in base if name in head):
                one = compared(self.method, name, base[name], head[name])
                if name not in found or found[name].verdict is Verdict.SAME:
                    found[name] = one
        return list(found.values())

    @property
    def time(self) -> Finding:
        """The verdict on a step's seconds."""
        return judged(self.method, Measure.TIME, "step", self.ratios, self.rules.time, self.rules.alpha)

    @property
    def quality(self) -> Finding | None:
        """The verdict on the loss; None where the method has none."""
        if self.ruler is None:
            return None
        ratios = [outcome.ratio(self.ruler) for outcome in self.outcomes]
        found = [ratio for ratio in ratios if ratio is not None]
        return judged(self.method, Measure.QUALITY, self.ruler.metric, found, self.rules.quality, self.rules.alpha)

    @property
    def _crashed(self) -> bool:
        end = ends(self.method, self.outcomes)
        return end is not None and end.verdict is Verdict.REGRESSED


def at_seed(name: str, seed: int) -> str:
    """The trial of that seed: names are ``method/dataset/seed/device``."""
    rest, _, device = name.rpartition("/")
    return f"{rest.rpartition('/')[0]}/{seed}/{device}"
