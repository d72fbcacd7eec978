"""What makes two trials the same trial, and two measurements the same measurement: the one place that builds it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ebmbench.contracts.records import EnergyKind, Protocol, Record
from ebmbench.identity.canonical import canonical, sha256
from ebmbench.identity.closure import TRAINING, Closure, closure_of, public_name

SCHEMA = 2
"""Raised when the meaning of stored results changes in a way that no source file shows."""
KEY_LENGTH = 16
"""Digits of a key that name a folder."""


@dataclass(frozen=True)
class Component:
    """A method or a dataset: ``module:qualname`` of its class, all of its parameters, and a method's kind of energy."""

    target: str
    params: Mapping[str, Any]
    kind: EnergyKind | None = None

    def as_json(self) -> dict[str, Any]:
        """What a key says of it."""
        found = {"target": public_name(self.target), "params": dict(self.params)}
        return found if self.kind is None else {**found, "kind": self.kind}


def trial_identity(method: Component, dataset: Component, settings: Mapping[str, Record]) -> dict[str, Any]:
    """All that the numbers of a trial depend on, but for the seed; ``key_of`` it and the seed is the trial's key.

    Args:
        method: what is trained.
        dataset: what it is trained on.
        settings: ``data``, ``net``, ``budget`` and ``device``; what is left out does not count.
    """
    said = {name: record.model_dump(mode="json", exclude_none=True) for name, record in settings.items()}
    code = trial_code(method.target, dataset.target)
    return {"schema": SCHEMA, "method": method.as_json(), "dataset": dataset.as_json(), **said, "code": code.as_json()}


def key_of(identity: Mapping[str, Any]) -> str:
    """The hash that names a trial in the store."""
    return sha256(canonical(identity))[:KEY_LENGTH]


def trial_code(method: str, dataset: str) -> Closure:
    """The closure of a trial: its method, its dataset, and the part of the harness that makes the numbers."""
    return closure_of(method, dataset, *(f"ebmbench.training.{name}" for name in TRAINING))


def metric_code(target: str, protocol: Protocol) -> str:
    """What the values of a metric depend on beside the surface: its code, how it is applied, and the protocol."""
    code = closure_of(target, "ebmbench.metrics.evaluate", "ebmbench.training.measuring")
    return sha256(canonical({"code": code.as_json(), "protocol": protocol.model_dump(mode="json")}))
