"""ebmbench: the benchmark for ways of training energy-based models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ebmbench.results import compare as compare
    from ebmbench.results import load as load
    from ebmbench.results import run as run

__all__ = ["compare", "load", "run"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        from ebmbench import results

        return getattr(results, name)
    raise AttributeError(f"module 'ebmbench' has no attribute '{name}'")
