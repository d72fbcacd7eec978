"""Runs to be compared: trials with their results at hand, some with the file that says what they are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ebmbench.analysis.comparison import Comparison
from ebmbench.analysis.counterparts import Side
from ebmbench.contracts.records import Status
from ebmbench.store.folders import Store, TrialFolder
from ebmbench.store.records import Training, TrialSpec
from ebmbench.store.runs import RunResult, TrialResult
from tests.factories import NOWHERE, make_attempt, make_run, make_spec, make_training, make_trial, make_view


def ended(row: str, kl: float | None = 0.5, *, training: Training | None = None, **facts: Any) -> TrialResult:
    """A trial with a KL and the skill 1 - KL; None diverged."""
    ok = kl is not None
    status = facts.pop("status", Status.OK if ok else Status.DIVERGED)
    attempt = {"machine_id": "m", "n_concurrent": 1, **facts.pop("attempt", {})}
    attempt |= {} if ok else {"error_type": "Boom", "message": "loss is nan"}
    attempts = [make_attempt(status, **attempt)] if status else []
    numbers = {} if kl is None else {"kl": kl, "skill": 1 - kl}
    return make_trial(make_view(row, **facts), numbers, status=status, training=training, attempts=attempts)


def levels(row: str, values: Mapping[str, Sequence[float | None]], **facts: Any) -> list[TrialResult]:
    """Trials of a row: dataset -> a KL a seed."""
    return [
        ended(row, kl, dataset=name, seed=seed, **facts) for name, kls in values.items() for seed, kl in enumerate(kls)
    ]


def described(trial: TrialResult, root: Path, **identity: Any) -> TrialResult:
    """The same trial with a key and a trial.json of its own, which holds this identity."""
    spec: TrialSpec = make_spec(trial.view.seed, method=trial.view.method, identity=identity)
    folder = TrialFolder(root / spec.key)
    folder.begin(spec)
    facts = {name: getattr(trial.view, name) for name in ("dataset", "seed", "device", "kind", "strategy")}
    found = TrialResult(make_view(trial.view.row, key=spec.key, **facts), folder)
    found.__dict__.update({name: held for name, held in trial.__dict__.items() if name not in ("view", "folder")})
    return found


def side(trials: Iterable[TrialResult], root: Path = NOWHERE, **facts: Any) -> Side:
    """A run of them."""
    held = list(trials)
    return Side(RunResult(make_run([trial.view for trial in held], **facts), Store(root), held))


def compared(a: Iterable[TrialResult], b: Iterable[TrialResult], **facts: Any) -> Comparison:
    """Run B against run A."""
    return Comparison.of(side(a), side(b, **facts))


def costing(seconds: float, passes: int = 1000, processor: float | None = None) -> Training:
    """What a training cost."""
    return make_training(train_seconds=seconds, passes=passes, processor_seconds=processor)
