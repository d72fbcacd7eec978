"""What earlier trials took: those of a plan that are done, and those of earlier runs of its suite."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ebmbench.planning.plan import Plan, PlannedTrial
from ebmbench.store.folders import Store, TrialFolder
from ebmbench.store.records import TrialView
from ebmbench.store.runs import earlier_runs


def past_trials(plan: Plan, work: Iterable[PlannedTrial], store: Store) -> Iterator[tuple[TrialView, float]]:
    """Earlier trials with the seconds that they took.

    Those of the plan all count. Those of earlier runs count if they are of a row and dataset that is to be run, on the
    same device and with the same budget. A trial that only had its metrics measured again took what its longest
    attempt of that outcome took.
    """
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


def _timed(view: TrialView, folder: TrialFolder) -> Iterator[tuple[TrialView, float]]:
    attempts = folder.attempts()
    if attempts:
        yield view, max(a.total_seconds for a in attempts if a.status is attempts[-1].status)
