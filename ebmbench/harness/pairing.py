"""A method on a dataset on a device: all that the trials of a suite share but for the seed, worked out once."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from pydantic import BaseModel

from ebmbench.parts.problem import Problem
from ebmbench.store.records import KEY_LENGTH, DatasetCell, MethodCell, MetricCell, TrialSpec, TrialView
from ebmbench.suite.catalog import Entry as Offer
from ebmbench.suite.errors import sentence
from ebmbench.suite.keys import SCHEMA, canonical, public_name, trial_code
from ebmbench.suite.schema import DeviceProfile, Entry, Suite


@dataclass(frozen=True)
class Choice:
    """One method or dataset with its parameters: an entry of the suite, or one point of its grid."""

    entry: Entry
    offer: Offer[Any]
    instance: BaseModel
    point: str
    file: str | None
    """Where the store keeps the plugin that it comes from, if that is a single file."""

    @property
    def identity(self) -> dict[str, Any]:
        """What a key says of it."""
        return {"target": public_name(self.offer.target), "params": self.params}

    @property
    def params(self) -> dict[str, Any]:
        """All fields, defaults too, as JSON."""
        return self.instance.model_dump(mode="json")

    @property
    def cell(self) -> dict[str, Any]:
        """What trial.json says of it."""
        return {
            "name": self.offer.spec.name,
            "target": self.offer.target,
            "owner": self.offer.owner,
            "file": self.file,
            "params": self.params,
        }


@dataclass(frozen=True)
class Pairing:
    """A method, a dataset and a device of a suite."""

    suite: Suite
    method: Choice
    dataset: Choice
    device: DeviceProfile
    metrics: tuple[MetricCell, ...]
    unavailable: str
    """Why the device is not to be had; empty when it is."""

    def name(self, seed: int) -> str:
        """``method[label,point]/dataset[point]/seed/device``."""
        return f"{self._left}/{self._place}/{seed}/{self.device.name}"

    def key(self, seed: int) -> str:
        """The key of a trial: that of its ``spec``, of whose long text only the end is hashed for each seed."""
        hashed = self._hashed.copy()
        hashed.update(f"{seed}}}".encode())
        return hashed.hexdigest()[:KEY_LENGTH]

    def view(self, seed: int) -> TrialView:
        """A trial as the run sees it."""
        facts = self.method.offer.spec
        return TrialView(
            key=self.key(seed),
            name=self.name(seed),
            row=self.method.entry.row,
            point=self.method.point,
            method=facts.name,
            dataset=self._place,
            seed=seed,
            device=self.device.name,
            strategy=facts.strategy,
            kind=facts.kind,
            skipped=self._obstacle,
            density_known=bool(getattr(self.dataset.instance, "density_known", True)),
        )

    def spec(self, seed: int) -> TrialSpec:
        """All that a worker needs."""
        facts = self.method.offer.spec
        method = MethodCell(**self.method.cell, strategy=facts.strategy, kind=facts.kind, summary=facts.summary)
        return TrialSpec(
            method=method,
            dataset=DatasetCell(**self.dataset.cell),
            data=self.suite.data,
            net=self.suite.net,
            budget=self.suite.budget,
            seed=seed,
            device=self.device,
            metrics=self.metrics,
            identity={**self._identity, "seed": seed},
        )

    @cached_property
    def _identity(self) -> dict[str, Any]:
        """What the keys of its trials hash, but for the seed."""
        suite, code = self.suite, trial_code(self.method.offer.target, self.dataset.offer.target)
        return {
            "schema": SCHEMA,
            "method": {**self.method.identity, "kind": self.method.offer.spec.kind},
            "dataset": self.dataset.identity,
            "data": suite.data.model_dump(),
            "net": suite.net.model_dump(mode="json"),
            "budget": suite.budget.model_dump(exclude_none=True),
            "device": self.device.model_dump(),
            "code": code.as_json(),
        }

    @cached_property
    def _hashed(self) -> hashlib._Hash:
        """The hash of the canonical identity up to the seed, which its sorted keys put last."""
        text = canonical({**self._identity, "seed": 0})
        return hashlib.sha256(text.removesuffix("0}").encode())

    @cached_property
    def _left(self) -> str:
        inner = ",".join(part for part in (self.method.entry.label, self.method.point) if part)
        return f"{self.method.offer.spec.name}" + (f"[{inner}]" if inner else "")

    @cached_property
    def _place(self) -> str:
        return self.dataset.entry.row + (f"[{self.dataset.point}]" if self.dataset.point else "")

    @cached_property
    def _obstacle(self) -> str:
        """Why its trials cannot be run; empty when they can."""
        if self.unavailable:
            return self.unavailable
        data: Any = self.dataset.instance
        algorithm: Any = self.method.instance
        try:
            reason = algorithm.obstacle(Problem.blank(data.domain, self.suite.net, data))
            return sentence(str(reason)) if reason else ""
        except Exception:  # noqa: BLE001 - a plugin may raise anything: the worker asks again and records it
            return ""
