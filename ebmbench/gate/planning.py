"""What a change touches: the trials of both sides side by side, and the methods of which they are not the same."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ebmbench.contracts.records import Ruler


@dataclass(frozen=True)
class Planned:
    """One trial as a side plans it.

    Attributes:
        key: what makes it the trial that it is, its code included.
        ruler: what its loss is; None where its track has none that it can stand by.
        metrics: the code of each metric.
    """

    name: str
    key: str
    dataset: str
    seed: int
    reference: bool
    ruler: Ruler | None
    metrics: Mapping[str, str]

    @property
    def method(self) -> str:
        """The row of the suite."""
        return self.name.partition("/")[0]

    @classmethod
    def of(cls, answer: Mapping[str, Any]) -> dict[str, Planned]:
        """What a side answers."""
        return {name: cls._of(name, said) for name, said in answer["trials"].items()}

    @classmethod
    def _of(cls, name: str, said: Mapping[str, Any]) -> Planned:
        rulers = [Ruler(**ruler) for ruler in said["rulers"]]
        facts = {key: said[key] for key in ("key", "dataset", "seed", "reference", "metrics")}
        return cls(name, ruler=rulers[0] if rulers else None, **facts)


@dataclass(frozen=True)
class Scope:
    """What is to be compared.

    Attributes:
        touched: methods of both sides that the change touches, in the order of the suite.
        untouched: those that it does not: the same code, data and settings.
        new, gone: those that one side alone has.
    """

    touched: tuple[str, ...]
    untouched: tuple[str, ...]
    new: tuple[str, ...]
    gone: tuple[str, ...]

    @classmethod
    def of(cls, base: Mapping[str, Planned], head: Mapping[str, Planned], everything: bool = False) -> Scope:
        """The scope of two plans; ``everything`` counts as touched if it is wanted."""
        first, second = _methods(base), _methods(head)
        both = [method for method in second if method in first]
        touched = [
            m for m in both if everything or any(_differ(base.get(n), head.get(n)) for n in first[m] | second[m])
        ]
        return cls(
            tuple(touched),
            tuple(method for method in both if method not in touched),
            tuple(method for method in second if method not in first),
            tuple(method for method in first if method not in second),
        )


def _methods(plan: Mapping[str, Planned]) -> dict[str, set[str]]:
    """The names of the trials of each method; reference rows are nobody's to improve."""
    found: dict[str, set[str]] = {}
    for name, trial in plan.items():
        if not trial.reference:
            found.setdefault(trial.method, set()).add(name)
    return found


def _differ(base: Planned | None, head: Planned | None) -> bool:
    if base is None or head is None:
        return True
    ruled = {ruler.metric.partition("_")[0] for ruler in (base.ruler, head.ruler) if ruler is not None}
    return base.key != head.key or any(base.metrics.get(name) != head.metrics.get(name) for name in ruled)
