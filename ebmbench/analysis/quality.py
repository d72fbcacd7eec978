"""Time to quality: what a training had spent when its surface first came within so many nats of the truth."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median

from ebmbench.contracts import EnergyKind, Status
from ebmbench.store.tables import TrialResult

TARGETS = (0.1, 0.05)
"""Nats of excess negative log-likelihood (the forward KL on the lattice)."""


@dataclass(frozen=True)
class Spent:
    """What was spent; infinite when the target was not reached within the budget (the trial is censored)."""

    seconds: float = math.inf
    steps: float = math.inf
    passes: float = math.inf

    @property
    def reached(self) -> bool:
        """Whether the target was reached."""
        return math.isfinite(self.steps)


def spent_to_reach(trial: TrialResult, target: float) -> Spent | None:
    """What the trial had spent at its first milestone, or its end, within ``target`` nats of the truth.

    The excess is that of the energy as it is, and of a ranking energy at its best temperature. Milestones double the
    budget spent, so that the true moment lies at most a factor of two before. A trial that failed never reached it.

    Returns:
        None for a trial that was skipped or not run, or whose truth is not known: it says nothing.
    """
    if trial.status in (None, Status.SKIPPED) or not trial.view.density_known:
        return None
    variant = "beta" if trial.view.kind is EnergyKind.RANKING else "raw"
    for point in sorted(trial.curve, key=lambda p: p.step):
        if (point.metric, point.variant) == ("kl", variant) and point.value is not None and point.value <= target:
            return Spent(point.train_seconds, point.step, point.passes)
    last = trial.values.get("kl_beta" if variant == "beta" else "kl", math.inf)
    if last <= target and trial.training is not None:
        return Spent(trial.training.train_seconds, trial.training.steps, trial.training.passes)
    return Spent()


@dataclass(frozen=True)
class Pace:
    """The medians over trials, censored ones counting as infinite, and how many trials reached the target."""

    seconds: float
    passes: float
    reached: int
    trials: int


def pace(trials: Iterable[TrialResult], target: float) -> Pace | None:
    """How fast a method comes within ``target`` nats; None when none of its trials was run."""
    all_spent = [spent for trial in trials if (spent := spent_to_reach(trial, target)) is not None]
    if not all_spent:
        return None
    return Pace(
        median(spent.seconds for spent in all_spent),
        median(spent.passes for spent in all_spent),
        sum(spent.reached for spent in all_spent),
        len(all_spent),
    )
