"""Which machine a number was measured on."""

from __future__ import annotations

import hashlib
import os
import platform
from functools import cache
from pathlib import Path


@cache
def machine_facts() -> dict[str, str]:
    """The processor, the cores, the memory and the system: what makes timings comparable."""
    return {
        "processor": _processor(),
        "cores": str(usable_cores()),
        "memory_gb": str(round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9)),
        "system": platform.system(),
        "python": platform.python_version(),
    }


@cache
def machine_id() -> str:
    """A short hash of the facts: times with different ones are never mixed unmarked."""
    return hashlib.sha256(repr(sorted(machine_facts().items())).encode()).hexdigest()[:8]


def usable_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
