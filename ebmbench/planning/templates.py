"""A trial but for its seed: a method on a dataset on a device, all that the trials of a suite share worked out once."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ebmbench.catalog.catalog import CatalogEntry
from ebmbench.contracts.records import Protocol, Track
from ebmbench.errors import sentence
from ebmbench.identity.canonical import canonical
from ebmbench.identity.keys import KEY_LENGTH, Component, trial_identity
from ebmbench.parts.shared import shared_problem
from ebmbench.store.records import DatasetCell, MethodCell, MetricCell, TrialSpec, TrialView
from ebmbench.suite.schema import DeviceProfile, Suite, SuiteEntry


@dataclass(frozen=True)
class ResolvedComponent:
    """One method or dataset with its parameters: an entry of the suite, or one point of its grid."""

    entry: SuiteEntry
    offer: CatalogEntry[Any]
    instance: Any
    grid_point: str
    file: str | None
    """Where the store keeps the plugin that it comes from, if that is a single file."""

    @cached_property
    def identity(self) -> Component:
        """What a key says of it."""
        return Component(self.offer.target, self.params, getattr(self.offer.spec, "kind", None))

    @property
    def params(self) -> dict[str, Any]:
        """All fields, defaults too, as JSON."""
        dumped: dict[str, Any] = self.instance.model_dump(mode="json")
        return dumped

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
class TrialTemplate:
    """A method, a dataset and a device of a suite, with how their trials are judged and measured."""

    suite: Suite
    method: ResolvedComponent
    dataset: ResolvedComponent
    device: DeviceProfile
    metrics: tuple[MetricCell, ...]
    track: Track
    protocol: Protocol
    unavailable: str
    """Why the device is not to be had; empty when it is."""
    swept: str = ""
    """The point of the suite's sweep that ``suite`` stands at."""

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
            grid_point=self.method.grid_point,
            method=facts.name,
            dataset=self._place,
            seed=seed,
            device=self.device.name,
            strategy=facts.strategy,
            kind=facts.kind,
            track=self.track.name,
            skipped=self._obstacle,
            tuned_on=facts.tuned_on,
        )

    def spec(self, seed: int) -> TrialSpec:
        """All that a worker needs."""
        facts, suite = self.method.offer.spec, self.suite
        return TrialSpec(
            method=MethodCell(**self.method.cell, strategy=facts.strategy, kind=facts.kind, summary=facts.summary),
            dataset=DatasetCell(**self.dataset.cell),
            data=suite.data,
            net=suite.net,
            budget=suite.budget,
            seed=seed,
            device=self.device,
            metrics=self.metrics,
            track=self.track,
            protocol=self.protocol,
            identity={**self._identity, "seed": seed},
        )

    @cached_property
    def _identity(self) -> dict[str, Any]:
        """What the keys of its trials hash, but for the seed."""
        suite = self.suite
        settings = {"data": suite.data, "net": suite.net, "budget": suite.budget, "device": self.device}
        return trial_identity(self.method.identity, self.dataset.identity, settings)

    @cached_property
    def _hashed(self) -> hashlib._Hash:
        """The hash of the canonical identity up to the seed, which its sorted keys put last."""
        text = canonical({**self._identity, "seed": 0})
        return hashlib.sha256(text.removesuffix("0}").encode())

    @cached_property
    def _left(self) -> str:
        inner = ",".join(part for part in (self.method.entry.label, self.method.grid_point) if part)
        return f"{self.method.offer.spec.name}" + (f"[{inner}]" if inner else "")

    @cached_property
    def _place(self) -> str:
        inner = ",".join(part for part in (self.dataset.grid_point, self.swept) if part)
        return self.dataset.entry.row + (f"[{inner}]" if inner else "")

    @cached_property
    def _obstacle(self) -> str:
        """Why its trials cannot be run; empty when they can."""
        if self.unavailable:
            return self.unavailable
        if missing := self.method.offer.missing:
            return sentence(missing)
        data: Any = self.dataset.instance
        algorithm: Any = self.method.instance
        try:
            reason = algorithm.obstacle(shared_problem(data.domain, self.suite.net, context=data.context, truth=data))
            return sentence(str(reason)) if reason else ""
        except Exception:  # noqa: BLE001 - a plugin may raise anything: the worker asks again and records it
            return ""
