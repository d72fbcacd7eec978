"""Random numbers by name: a seed is the hash of named axes, so that nothing draws from anybody else's stream.

The same seed gives every method the same data in the same order, and adding a method changes nobody's numbers.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager

import torch


def seed_of(*axes: str | int) -> int:
    """A seed of 56 bits from named axes, such as ``seed_of("noise", 3)``."""
    return int.from_bytes(hashlib.sha256(json.dumps(axes).encode()).digest()[:7], "big")


def generator(*axes: str | int, device: str = "cpu") -> torch.Generator:
    """A generator of its own for the named axes."""
    return torch.Generator(device).manual_seed(seed_of(*axes))


@contextmanager
def initialization(seed: int) -> Iterator[None]:
    """torch's default generator seeded for building modules, on the CPU; as it was before on leaving."""
    with torch.random.fork_rng(devices=[]):
        torch.random.manual_seed(seed_of("init", seed))
        yield
