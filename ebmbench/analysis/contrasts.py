"""What is different about two runs and their trials: commit, machine, versions, budget, parameters, code."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from ebmbench.identity.differences import differences
from ebmbench.store.records import RunRecord
from ebmbench.store.runs import RunResult, TrialResult


@dataclass(frozen=True)
class Contrast:
    """Something that is not the same.

    Attributes:
        subject: what it is about: ``commit``, ``version``, ``budget``, ``method``, ...
        texts: what of it differs: ``passes 1000, now 2000``.
        rows: the methods whose trials it concerns; none: all.
        datasets: the datasets; none: all.
    """

    subject: str
    texts: tuple[str, ...]
    rows: tuple[str, ...] = ()
    datasets: tuple[str, ...] = ()


def contrasts(a: RunResult, b: RunResult, pairs: Sequence[tuple[str, pd.DataFrame]]) -> tuple[Contrast, ...]:
    """Of the runs themselves, then of their trials.

    Args:
        a, b: the runs; "now" is b.
        pairs: each method with its trials in both: a row a (dataset, seed), ``name_a`` and ``name_b``.
    """
    found = _merged((subject, text, (), ()) for subject, text in _of_runs(a.record, b.record))
    said = {(one.subject, text) for one in found for text in one.texts}
    concerned: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for row, dataset, line in _of_trials(a, b, pairs):
        if line not in said:
            concerned.setdefault(line, []).append((row, dataset))
    rows = tuple(row for row, _ in pairs)
    datasets = tuple(dict.fromkeys(str(name) for _, trials in pairs for name in trials.index.get_level_values(0)))
    lines = (
        (*line, _some(rows, {row for row, _ in places}), _some(datasets, {name for _, name in places}))
        for line, places in concerned.items()
    )
    return (*found, *_merged(lines))


def _some(known: Sequence[str], concerned: set[str]) -> tuple[str, ...]:
    """Those that are concerned; none if all are."""
    return () if concerned >= set(known) else tuple(name for name in known if name in concerned)


def _merged(lines: Iterator[tuple[str, str, tuple[str, ...], tuple[str, ...]]]) -> list[Contrast]:
    """What is about the same subject and concerns the same trials, in one."""
    found: dict[tuple[str, tuple[str, ...], tuple[str, ...]], list[str]] = {}
    for subject, text, rows, datasets in lines:
        found.setdefault((subject, rows, datasets), []).append(text)
    return [Contrast(subject, tuple(texts), rows, datasets) for (subject, rows, datasets), texts in found.items()]


def _of_runs(a: RunRecord, b: RunRecord) -> Iterator[tuple[str, str]]:
    yield from _lines(_facts(a), _facts(b))
    codes = [{cell.name: cell.code for cell in run.metrics} for run in (a, b)]
    for name in dict.fromkeys((*codes[0], *codes[1])):
        if codes[0].get(name) != codes[1].get(name):
            gone, new = name not in codes[1], name not in codes[0]
            yield "metric", f"{name} is {'no longer asked for' if gone else 'new' if new else 'measured by other code'}"


def _facts(run: RunRecord) -> dict[str, Any]:
    """What a run says of itself."""
    commit = run.revision.commit[:12] if run.revision else "unknown"
    dirty = " and changes beyond it" if run.revision and run.revision.dirty else ""
    whole = "whole" if run.full else "narrowed"
    machine = {name: int(value) if value.isdecimal() else value for name, value in run.machine.items()}
    versions = {"modules": [], "versions": [[*pair] for pair in run.versions.items()]}
    return {"suite": run.suite, "run": whole, "commit": commit + dirty, "machine": machine, "code": versions}


def _of_trials(
    a: RunResult, b: RunResult, pairs: Sequence[tuple[str, pd.DataFrame]]
) -> Iterator[tuple[str, str, tuple[str, str]]]:
    """The method, the dataset and the line, of each pair whose keys differ."""
    first, second = ({trial.view.name: trial for trial in run.trials} for run in (a, b))
    known: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for row, trials in pairs:
        datasets = trials.index.get_level_values(0).astype(str)
        for dataset, *names in zip(datasets, trials["name_a"], trials["name_b"], strict=True):
            old, new = first[names[0]], second[names[1]]
            keys = old.view.key, new.view.key
            if keys[0] != keys[1]:
                if keys not in known:
                    known[keys] = _lines(_identity(old), _identity(new))
                yield from ((row, dataset, line) for line in known[keys])


def _identity(trial: TrialResult) -> dict[str, Any]:
    spec = trial.spec
    return spec.identity if spec else {}


def _lines(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Subject and text of each difference."""
    if not old or not new:
        return [("trials", "what they are cannot be read")]
    found = (line.split(maxsplit=1) for line in differences(old, new))
    return [(parts[0], parts[1]) for parts in found if len(parts) == 2 and parts[0] != "seed"]
