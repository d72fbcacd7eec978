"""What ``ebmbench info`` says of a stored trial: what is there, and why it was or was not cached."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ebmbench.catalog.catalog import Catalog
from ebmbench.contracts.records import Status
from ebmbench.errors import UsageError, suggest
from ebmbench.identity.canonical import canonical, sha256
from ebmbench.identity.closure import forget
from ebmbench.identity.differences import differences
from ebmbench.identity.keys import KEY_LENGTH
from ebmbench.planning.current_identity import CurrentIdentity, Obstacle, changed_metrics
from ebmbench.store.files import last_lines
from ebmbench.store.folders import Store, TrialFolder
from ebmbench.store.history import History, Sighting

LOG_LINES = 30
"""Of a trial's log that are shown: a traceback, and what came before it."""
MIN_DIGITS = 4
"""Digits of a key that are taken for one."""


class Damaged(Exception):
    """A trial.json that says nothing that can be used, in one line."""


class Trials:
    """The trials of a results folder, by key or name."""

    def __init__(self, results: Path, catalog: Catalog) -> None:
        forget()
        self.store, self.catalog, self.history = Store(results), catalog, History(Store(results))

    def keys(self, name: str) -> list[str]:
        """The keys that begin with these digits; or the last one that a trial of this name had in each suite."""
        if name.isalnum():
            if len(name) < MIN_DIGITS:
                return []
            return [path.name for path in sorted((self.store.root / "trials" / name[:2]).glob(f"{name}*"))]
        newest: dict[str, str] = {}
        for sighting in self.history.of_name(name):
            newest.setdefault(sighting.suite, sighting.view.key)
        return list(dict.fromkeys(newest.values()))

    def only_key(self, name: str) -> str:
        """The key that is meant.

        Raises:
            UsageError: if it is none, or one of several.
        """
        found = self.keys(name)
        if not found:
            known = self.history.names()
            raise UsageError(f"no trial in {self.store.root} is called '{name}'{suggest(name, known)}")
        if len(found) > 1:
            raise UsageError(f"'{name}' is more than one trial: {', '.join(found[:4])}; give a key")
        return found[0]

    def cards(self, name: str) -> Iterator[str]:
        """All that is known of the trials that are meant, line by line; nothing when there are none."""
        for key in self.keys(name):
            sightings = [s for s in self.history.of_key(key) if name.isalnum() or s.view.name == name]
            yield from self._stored(key, sightings)
            yield from self._reasons(key, sightings)

    def compared(self, name: str, other: str) -> Iterator[str]:
        """How the second trial's key differs from the first's."""
        first, second = self.only_key(name), self.only_key(other)
        yield f"{first}, now {second}"
        try:
            found = differences(self._held(first)["identity"], self._held(second)["identity"])
        except Damaged as error:
            yield f"  {error}"
            return
        yield from (f"  {line}" for line in found or ["the same key"])

    def _stored(self, key: str, sightings: list[Sighting]) -> Iterator[str]:
        folder = self.store.trial_folder(key)
        spec, training, measured = folder.spec(), folder.training(), folder.measurements()
        if spec is not None:
            yield f"{key}: {spec.method.name} on {spec.dataset.name}, seed {spec.seed}, {spec.device.name}"
        else:
            yield f"{key}: {sightings[0].view.name if sightings else 'a trial'}"
        yield f"  status    {folder.status() or 'not finished'}"
        yield f"  folder    {folder.path}"
        yield from (f"  run       {sighting.run}: {sighting.view.name}" for sighting in sightings[:1])
        for attempt in folder.attempts():
            yield f"  attempt   {attempt.started}  {attempt.status}  {attempt.total_seconds:.1f} s  {attempt.error}"
        if training is not None:
            yield f"  training  {training.train_seconds:.2f} s, {training.steps} steps, {training.passes} passes"
        for value in measured.values if measured else ():
            shown = value.note if value.value is None else f"{value.value:.6g}  {value.note}".rstrip()
            yield f"  {value.metric:20s} {value.variant:8s} {shown}"
        yield from _log(folder)

    def _reasons(self, key: str, sightings: list[Sighting]) -> Iterator[str]:
        """Why it is or is not cached today; and what made it another trial than the one that had its name before."""
        if sightings and sightings[0].view.skipped:
            yield f"  skipped   {sightings[0].view.skipped}"
        try:
            held = self._held(key)
        except Damaged as error:
            yield f"  {error}"
            return
        yield from self._against_today(key, held)
        before = self.history.before(sightings[0]) if sightings else None
        if before is None:
            return
        yield f"  since {before.view.key} of {before.run}, which had its name before"
        try:
            old = self._held(before.view.key)
            yield from (f"    {line}" for line in differences(old["identity"], held["identity"]))
        except Damaged as error:
            yield f"    {error}"

    def _against_today(self, key: str, held: dict[str, Any]) -> Iterator[str]:
        try:
            today = CurrentIdentity.of(held, self.catalog)
        except Obstacle as reason:
            yield f"  no such trial today: {reason}"
            return
        found = differences(held["identity"], today.identity)
        if found:
            yield f"  another key today, {sha256(canonical(today.identity))[:KEY_LENGTH]}: it is trained anew"
            yield from (f"    {line}" for line in found)
        else:
            folder = self.store.trial_folder(key)
            measured = folder.measurements()
            metrics = changed_metrics(measured.code, self.catalog) if measured else []
            yield f"  same key as today: {_what_a_run_does(folder)}"
            yield from (f"    {line}" for line in metrics)
        yield from (f"    {remark}; a suite that leaves it out means another trial" for remark in today.remarks)

    def _held(self, key: str) -> dict[str, Any]:
        """What trial.json says, as it stands there: it may be of another version.

        Raises:
            Damaged: if it is not what its key was made of.
        """
        path = self.store.trial_folder(key).file("trial.json")
        try:
            held = json.loads(path.read_bytes())
            if sha256(canonical(held["identity"]))[:KEY_LENGTH] == key and isinstance(held["identity"], dict):
                return dict(held)
        except FileNotFoundError:
            raise Damaged(f"nothing is stored of {key}: it was not run, or was taken away") from None
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            pass
        raise Damaged(f"trial.json of {key} is damaged: a run of its suite runs it again")


def _log(folder: TrialFolder) -> Iterator[str]:
    """The end of what the last attempt wrote, its traceback with it; what was kept of it where the file is gone."""
    path, attempts = folder.file("log.txt"), folder.attempts()
    kept = attempts[-1].stderr if attempts else ()
    lines = last_lines(path, LOG_LINES) or kept[-LOG_LINES:]
    if lines:
        yield f"  log       {path}, its end:"
        yield from (f"    | {line}" for line in lines)


def _what_a_run_does(folder: TrialFolder) -> str:
    status = folder.status()
    if status is Status.OK:
        return "it is cached"
    if status is None or (folder.attempts() and folder.attempts()[-1].outdated):
        return "it is not finished, and a run goes on with it"
    return f"it ended as {status}, and only a run with --retry-failed tries it again"
