"""A valid suite as a file says it, and what is said of one that is not."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ebmbench.errors import UsageError
from ebmbench.suite.schema import Suite

VALID = """\
name: trial
datasets: [moons, {name: rings, sigma: 0.1}]
methods:
  - oracle
  - {name: nce, lr: 1e-3}
  - {name: gmm, label: few, grid: {components: [8, 32]}, select: nll_validation}
budget: {passes: 1_000}
seeds: 2
devices: [cpu, {device: cpu, dtype: float64}]
timeout: 5m
memory: 4GB
"""

Read = Callable[..., Suite]
"""Reads a text (or bytes) as the file suite.yaml, with ``--set`` overrides."""


def changed(old: str, new: str, text: str = VALID) -> str:
    """The valid suite with something else in one place."""
    assert old in text, "the edit must hit"
    return text.replace(old, new)


def refusal(read: Read, content: str | bytes, *overrides: str) -> str:
    """The error's text, without the folder."""
    with pytest.raises(UsageError) as caught:
        read(content, *overrides)
    text = str(caught.value)
    return text[text.index("suite.yaml") :] if "suite.yaml" in text else text
