"""Clocks that run only while the thing they measure runs; a device is waited for when they start and stop."""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import torch


class Clock:
    """Seconds of a monotonic clock, summed over the intervals in which it ran.

    Beside them ``processor``: what this process had of the processors in them. Less of it than of seconds, where one
    thread computes, means that it waited for others.
    """

    def __init__(self, device: torch.device) -> None:
        self.device, self.seconds, self.processor = device, 0.0, 0.0

    @contextmanager
    def running(self) -> Iterator[None]:
        """The clock runs inside."""
        synchronize(self.device)
        start, spent = time.perf_counter(), time.process_time()
        try:
            yield
        finally:
            synchronize(self.device)
            self.seconds += time.perf_counter() - start
            self.processor += time.process_time() - spent


def synchronize(device: torch.device) -> None:
    """Wait until the device has done all that it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()


def peak_bytes() -> int:
    """The largest resident size of this process so far."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def device_peak_bytes(device: torch.device) -> int | None:
    """The largest memory that torch held on the device since it was last reset; None on the CPU."""
    return torch.cuda.max_memory_allocated(device) if device.type == "cuda" else None
