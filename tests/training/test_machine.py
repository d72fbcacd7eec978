"""What machine a number was measured on: its facts, and a short name for them."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator
from pathlib import Path

import pytest

from ebmbench.training import machine
from ebmbench.training.machine import machine_facts, machine_id, usable_cores


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    """Facts are found once in a process; these tests change them."""
    machine_facts.cache_clear()
    machine_id.cache_clear()
    yield
    machine_facts.cache_clear()
    machine_id.cache_clear()


def identity() -> str:
    machine_facts.cache_clear()
    machine_id.cache_clear()
    return machine_id()


def test_the_id_is_short_and_stays() -> None:
    assert len(identity()) == 8
    assert int(identity(), 16) >= 0
    assert identity() == identity()


def test_whatever_makes_timings_differ_makes_another_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    found = {identity()}
    monkeypatch.setattr(machine, "usable_cores", lambda: 3)
    found.add(identity())
    monkeypatch.setattr(machine, "_processor", lambda: "an abacus")
    found.add(identity())
    monkeypatch.setattr(platform, "python_version", lambda: "2.7")
    found.add(identity())
    monkeypatch.setattr(os, "sysconf", {"SC_PAGE_SIZE": 1, "SC_PHYS_PAGES": 7_000_000_000}.__getitem__)
    found.add(identity())
    assert len(found) == 5
    assert machine_facts()["memory_gb"] == "7"
    assert machine_facts()["cores"] == "3"


def test_cores_are_those_that_this_process_may_use(monkeypatch: pytest.MonkeyPatch) -> None:
    """A container or taskset gives fewer than the machine has."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 5}, raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 64)
    assert usable_cores() == 2
    monkeypatch.delattr(os, "sched_getaffinity")
    assert usable_cores() == 64
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert usable_cores() == 1


@pytest.mark.parametrize(
    ("cpuinfo", "expected"),
    [
        ("processor : 0\nmodel name\t: Fast 9000 @ 3 GHz\nprocessor : 1\nmodel name : other\n", "Fast 9000 @ 3 GHz"),
        ("processor : 0\nBogoMIPS : 50\n", "armada"),
        (None, "by the system"),
    ],
)
def test_the_processor_by_name_or_by_what_else_is_known(
    cpuinfo: str | None, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read_text(path: Path) -> str:
        assert path == Path("/proc/cpuinfo")
        if cpuinfo is None:
            raise FileNotFoundError
        return cpuinfo

    monkeypatch.setattr(Path, "read_text", read_text)
    monkeypatch.setattr(platform, "machine", lambda: "armada")
    monkeypatch.setattr(platform, "processor", lambda: "by the system")
    assert machine_facts()["processor"] == expected
