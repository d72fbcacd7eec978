"""What the mirror says of a trial: tags, params, metrics, its dataset, its model. Pure functions of what is stored."""

from __future__ import annotations

import json
import math
import zipfile
from collections.abc import Iterator
from typing import Any, NamedTuple

from ebmbench.contracts.records import flat_name
from ebmbench.identity.canonical import canonical, sha256
from ebmbench.store.records import Revision, Training, TrialSpec
from ebmbench.store.runs import TrialResult

MAX_VALUE_LENGTH = 6000
LIMIT = 1e300
"""A number beyond this is infinite: the database would store the largest that there is."""


class Reading(NamedTuple):
    """A value of a metric."""

    name: str
    value: float
    seconds: float
    """Of training."""
    step: int


def source_tags(revision: Revision | None, source: str) -> dict[str, str]:
    """Where the code is from. A trial that was found in the store has a key that vouches for the same code."""
    tags = {"mlflow.source.name": source, "mlflow.source.type": "LOCAL"}
    if revision is None:
        return tags
    return {**tags, "mlflow.source.git.commit": revision.commit, "mlflow.source.git.dirty": str(revision.dirty).lower()}


def tags(trial: TrialResult) -> dict[str, str]:
    """What is no param: what the trial is called, its key in the store, how it ended."""
    view = trial.view
    found = {
        "mlflow.runName": view.name,
        "ebmbench.trial_key": view.key,
        "ebmbench.family": view.strategy.family,
        "ebmbench.status": str(trial.status),
    }
    return {**found, "ebmbench.error": trial.error[:MAX_VALUE_LENGTH]} if trial.error else found


def params(trial: TrialResult, spec: TrialSpec | None) -> dict[str, str]:
    """What the trial is: its cell of the suite, then every hyper-parameter, defaults included."""
    view = trial.view
    found = {
        "method": view.method,
        "label": f"{view.row}[{view.grid_point}]" if view.grid_point else view.row,
        "strategy": view.strategy.value,
        "kind": view.kind.value,
        "dataset": view.dataset,
        "seed": str(view.seed),
        "device": view.device,
    }
    if spec is not None:
        sections: dict[str, dict[str, Any]] = {"method": spec.method.params, "dataset": spec.dataset.params}
        for name in ("data", "net", "budget", "device"):
            sections[name] = getattr(spec, name).model_dump(exclude_none=True)
        found |= {f"{section}.{key}": str(value) for section, said in sections.items() for key, value in said.items()}
    return {name: value[:MAX_VALUE_LENGTH] for name, value in found.items()}


def metrics(trial: TrialResult, numbers: dict[str, float]) -> Iterator[Reading]:
    """The curves, each of which goes on to the number that the tables have; the other numbers; what training took.

    Passes and seconds are curves too, so that a chart can have them as its axis: steps of different methods are not
    alike. What has one value alone is at step 0, where the pages draw a bar and not a line of one point. A curve whose
    end is infinite ends with NaN, lest what it was before be taken for the result.
    """
    training, curves = trial.training, set[str]()
    for point in trial.curve:
        name = flat_name(point.metric, point.variant)
        curves.add(name)
        if training is not None and point.step == training.steps and name in numbers:
            continue  # the end is measured on a finer lattice
        if point.value is not None and abs(point.value) < LIMIT:
            yield Reading(f"eval/{name}", point.value, point.train_seconds, point.step)
    if training is None:
        return
    end = (training.train_seconds, training.steps)
    for name, value in numbers.items():
        if name in curves:
            yield Reading(f"eval/{name}", value if abs(value) < LIMIT else math.nan, *end)
        elif abs(value) < LIMIT:
            yield Reading(f"eval/{name}", value, training.train_seconds, 0)
    yield from _spent(trial, training)


def _spent(trial: TrialResult, training: Training) -> Iterator[Reading]:
    for step, passes, seconds in dict.fromkeys((p.step, p.passes, p.train_seconds) for p in trial.curve):
        if step != training.steps:
            yield Reading("training/passes", passes, seconds, step)
            yield Reading("training/train_seconds", seconds, seconds, step)
    spent = training.model_dump(exclude_none=True, exclude={"sha256"})
    if trial.attempts:
        spent |= trial.attempts[-1].model_dump(include={"total_seconds", "n_concurrent"})
    for name, value in spent.items():
        step = training.steps if name in ("passes", "train_seconds") and trial.curve else 0
        yield Reading(f"training/{name}", float(value), training.train_seconds, step)


def width(trial: TrialResult) -> int | None:
    """How many coordinates y has, as the head of the stored samples says; None where none are of y alone."""
    from numpy.lib import format as npy

    try:
        with zipfile.ZipFile(trial.folder.file("samples.npz")) as held, held.open("common.npy") as file:
            npy.read_magic(file)
            shape, _, _ = npy.read_array_header_1_0(file)
            return int(shape[1])
    except (OSError, ValueError, LookupError, TypeError, zipfile.BadZipFile):
        return None


def _tensor(dtype: str, *shape: int) -> dict[str, Any]:
    return {"type": "tensor", "tensor-spec": {"dtype": dtype, "shape": [-1, *shape]}}


def dataset_facts(trial: TrialResult, spec: TrialSpec, columns: int | None) -> dict[str, str]:
    """The fields of MLflow's dataset. Its digest is of what defines the data, as in the trial's key; nothing is drawn.

    MLflow knows it again by name and digest, so that all trials on it have it in common.
    """
    source = {"target": spec.dataset.target, "params": canonical(spec.dataset.params)}
    facts = {
        "name": trial.view.dataset,
        "digest": sha256(canonical(spec.identity.get("dataset", source)))[:8],
        "source_type": "code",
        "source": json.dumps({"tags": source}),
        "profile": json.dumps(spec.data.model_dump(exclude_none=True)),
    }
    if columns is None:
        return facts
    schema = {"mlflow_tensorspec": {"features": json.dumps([_tensor(spec.device.dtype, columns)]), "targets": None}}
    return {**facts, "schema": json.dumps(schema)}


def model_facts(trial: TrialResult, spec: TrialSpec, training: Training, suite: str) -> dict[str, str]:
    """Where the model is and how it is read: it stays in the store, and nothing is pickled."""
    folder = trial.folder.path
    return {
        "file": "/".join([*folder.parts[-3:], "model.pt"]),
        "sha256": training.sha256.get("model.pt", ""),
        "surface": spec.method.target,
        "load": f"ebmbench.load({suite!r}).model({trial.view.key!r})",
    }


def model_file(model: dict[str, str], spec: TrialSpec, facts: dict[str, str], columns: int | None) -> str:
    """An ``MLmodel`` of no flavor, in JSON (which is YAML): metadata, and the signature y (B, d) -> F(y) (B,).

    Args:
        model: MLflow's own fields.
        spec: the trial.
        facts: where the model is.
        columns: d, where it is known; else there is no signature.
    """
    content: dict[str, Any] = {**model, "flavors": {}, "metadata": {"mlflow.model.isExternal": True, **facts}}
    if columns is not None:
        y, energy = _tensor(spec.device.dtype, columns), _tensor(spec.device.dtype)
        content["signature"] = {
            "inputs": json.dumps([{"name": "y", **y}]),
            "outputs": json.dumps([energy]),
            "params": None,
        }
    return json.dumps(content, indent=1)
