"""Time to quality: the first milestone within the target, censored trials as infinite."""

from __future__ import annotations

import math
from pathlib import Path

from ebmbench.analysis.quality import Spent, pace, spent_to_reach
from ebmbench.contracts import EnergyKind, Status, Strategy
from ebmbench.store.folders import TrialFolder
from ebmbench.store.records import Measurements, Point, Training, TrialView, Value
from ebmbench.store.tables import TrialResult

Curve = list[tuple[int, float]]


def trial(
    curve: Curve, last: float | None, kind: EnergyKind = EnergyKind.DENSITY, status: Status | None = Status.OK
) -> TrialResult:
    """A trial with a KL at some steps (ten passes and a tenth of a second each) and at its end, step 100."""
    view = TrialView(
        key="k", name="n", row="r", method="m", dataset="d", seed=0, device="cpu", strategy=Strategy.C2, kind=kind
    )
    made = TrialResult(view, TrialFolder(Path("nowhere")))
    variant = "beta" if kind is EnergyKind.RANKING else "raw"
    points = [
        Point(step=s, passes=10 * s, train_seconds=0.1 * s, metric="kl", variant=variant, value=v) for s, v in curve
    ]
    other = Point(step=1, passes=1, train_seconds=0.0, metric="auroc", value=0.0)
    values = () if last is None else (Value(metric="kl", variant=variant, value=last),)
    training = Training(
        prepare_seconds=0,
        train_seconds=10,
        steps=100,
        passes=1000,
        energy_rows=0,
        gradient_rows=0,
        samples=0,
        peak_bytes=0,
    )
    made.__dict__.update(
        status=status,
        curve=[other, *reversed(points)],
        measurements=Measurements(values=values, code={}, eval_seconds=0),
        training=training,
    )
    return made


def test_the_first_milestone_within_the_target() -> None:
    one = trial([(1, 2.0), (10, 0.3), (20, 0.09), (40, 0.04)], 0.02)
    assert spent_to_reach(one, 0.1) == Spent(2.0, 20, 200)
    assert spent_to_reach(one, 0.05) == Spent(4.0, 40, 400)
    assert spent_to_reach(one, 0.03) == Spent(10, 100, 1000)


def test_the_first_hit_counts_even_if_it_is_lost_again() -> None:
    assert spent_to_reach(trial([(1, 0.05), (2, 3.0)], 3.0), 0.1) == Spent(0.1, 1, 10)


def test_a_target_that_is_not_reached_is_censored() -> None:
    spent = spent_to_reach(trial([(1, 2.0)], 0.5), 0.1)
    assert spent is not None
    assert not spent.reached
    assert spent.passes == math.inf


def test_ranking_energies_count_at_their_temperature() -> None:
    assert spent_to_reach(trial([(10, 0.01)], 0.01, EnergyKind.RANKING), 0.1) == Spent(1.0, 10, 100)


def test_failures_are_censored_and_skipped_trials_say_nothing() -> None:
    assert spent_to_reach(trial([], None, status=Status.DIVERGED), 0.1) == Spent()
    assert spent_to_reach(trial([], None, status=Status.SKIPPED), 0.1) is None
    assert spent_to_reach(trial([], None, status=None), 0.1) is None


def test_the_median_counts_censored_trials_as_infinite() -> None:
    fast, slow = trial([(10, 0.01)], 0.01), trial([(40, 0.01)], 0.01)
    never = trial([], None, status=Status.DIVERGED)
    found = pace([fast, slow, never], 0.1)
    assert found is not None
    assert (found.passes, found.reached, found.trials) == (400, 2, 3)
    lost = pace([fast, never, never], 0.1)
    assert lost is not None
    assert lost.passes == math.inf
    assert pace([trial([], None, status=Status.SKIPPED)], 0.1) is None
