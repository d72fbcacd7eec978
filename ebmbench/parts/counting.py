"""Counting work: rows through the network, a backward counting twice what it goes back through.

The harness opens a meter around training; the shared networks report to it. Without a meter nothing is counted.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

import torch

_METER: ContextVar[Meter | None] = ContextVar("meter", default=None)


@dataclass
class Meter:
    """Noise-free costs of a training."""

    passes: int = 0
    energy_rows: int = 0
    gradient_rows: int = 0


@contextmanager
def metered(meter: Meter) -> Iterator[Meter]:
    """Everything counted inside goes to this meter."""
    token = _METER.set(meter)
    try:
        yield meter
    finally:
        _METER.reset(token)


@contextmanager
def paused() -> Iterator[None]:
    """Nothing counted inside goes anywhere."""
    token = _METER.set(None)
    try:
        yield
    finally:
        _METER.reset(token)


def count_passes(rows: int, units: int = 1, gradient: bool = False, trained: bool | None = None) -> None:
    """Report ``rows`` through a network at ``units`` forward passes each.

    Args:
        rows: how many rows went through.
        units: 1 for an energy; an energy with its input gradient is 3 (the gradient is a backward).
        gradient: whether the input gradient was computed.
        trained: whether a loss will be propagated back through it, which costs two more for each unit;
            by default, whether autograd is recording.
    """
    meter = _METER.get()
    if meter is None:
        return
    trained = torch.is_grad_enabled() if trained is None else trained
    meter.passes += rows * units * (3 if trained else 1)
    meter.energy_rows += rows
    meter.gradient_rows += rows if gradient else 0
