"""What earlier trials took: those of a plan that are done, and those of earlier runs of its suite."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from ebmbench.contracts.records import Status
from ebmbench.planning.forecast import Forecast
from ebmbench.planning.plan import Plan, PlannedTrial
from ebmbench.store.folders import Store, TrialFolder
from ebmbench.store.records import TrialView
from ebmbench.store.runs import earlier_runs

Timed = tuple[TrialView, float, Status]


def forecast_of(plan: Plan, work: Sequence[PlannedTrial], store: Store, workers: int, fresh: bool) -> Forecast:
    """How long the work of a plan will take, from earlier trials.

    Args:
        plan: what the work is a part of.
        work: what is to be run.
        store: where earlier trials are.
        workers: how many run at a time.
        fresh: whether all of it is trained; else what is trained already is only measured, in the seconds of before.
    """
    forecast = Forecast((planned.view for planned in work), workers)
    for view, seconds in past_trials(plan, work, store):
        forecast.remember(view, seconds)
    for planned in () if fresh else work:
        measured = planned.ended.measurements if planned.ended is not None else None
        if planned.ended is not None and planned.ended.training is not None and measured is not None:
            forecast.expect(planned.view, measured.eval_seconds)
    return forecast


def past_trials(plan: Plan, work: Iterable[PlannedTrial], store: Store) -> Iterator[tuple[TrialView, float]]:
    """Earlier trials with the seconds that they took.

    Those of the plan all count. Those of earlier runs count if they are of a row and dataset that is to be run, on the
    same device and with the same budget. A trial that only had its metrics measured again took what its longest
    attempt of that outcome took. One that did not end well counts where no trial of its row did: what is tried again
    may go on to its end.
    """
    found = list(_earlier(plan, work, store))
    well = {view.row for view, _, status in found if status is Status.OK}
    yield from ((view, seconds) for view, seconds, status in found if status is Status.OK or view.row not in well)


def _earlier(plan: Plan, work: Iterable[PlannedTrial], store: Store) -> Iterator[Timed]:
    """Each with how it ended."""
    wanted = {(planned.view.row, planned.view.dataset): planned for planned in work}
    seen = set()
    for planned in plan.trials:
        seen.add(planned.view.key)
        if wanted and planned.ended is not None:
            yield from _timed(planned.view, planned.ended.folder)
    for run in earlier_runs(store, plan.run.suite) if wanted else ():
        for view in run.trials:
            like = wanted.get((view.row, view.dataset))
            if like is None or view.key in seen or view.device != like.view.device:
                continue
            seen.add(view.key)
            folder = store.trial_folder(view.key)
            spec = folder.spec()
            if spec is not None and spec.budget == like.template.suite.budget:
                yield from _timed(view, folder)


def _timed(view: TrialView, folder: TrialFolder) -> Iterator[Timed]:
    attempts = folder.attempts()
    if attempts:
        status = attempts[-1].status
        yield view, max(attempt.total_seconds for attempt in attempts if attempt.status is status), status
