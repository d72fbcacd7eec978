"""Telling observers: each by itself, so that one that fails is named once and the run goes on."""

from __future__ import annotations

from typing import Any

import pluggy

from ebmbench.errors import one_line
from ebmbench.store.runs import RunResult, TrialResult


class Announcer:
    """Calls the observer hooks of every plugin.

    Args:
        manager: holds the plugins.
    """

    def __init__(self, manager: pluggy.PluginManager) -> None:
        self.manager = manager
        self.failures: list[str] = []
        """A line for each observer that raised; it is not called again."""
        self._silenced: set[str] = set()

    def run_started(self, result: RunResult, to_run: int) -> None:
        """A run begins."""
        self._tell("ebmbench_run_started", result=result, to_run=to_run)

    def trial_started(self, trial: TrialResult) -> None:
        """A worker has taken up a trial."""
        self._tell("ebmbench_trial_started", trial=trial)

    def trial_finished(self, trial: TrialResult) -> None:
        """A trial has ended."""
        self._tell("ebmbench_trial_finished", trial=trial)

    def run_finished(self, result: RunResult) -> None:
        """The run is over."""
        self._tell("ebmbench_run_finished", result=result)

    def _tell(self, hook: str, **facts: Any) -> None:
        for implementation in getattr(self.manager.hook, hook).get_hookimpls():
            name = implementation.plugin_name
            if name in self._silenced:
                continue
            try:
                implementation.function(**{key: facts[key] for key in implementation.argnames})
            except (Exception, SystemExit) as error:  # noqa: BLE001 - an observer never ends a run; what it raised is shown
                self._silenced.add(name)
                self.failures.append(f"observer {name}: {one_line(error)}")
