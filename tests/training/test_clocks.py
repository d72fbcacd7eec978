"""Clocks run only while what they measure runs, and wait for a device when they start and stop."""

from __future__ import annotations

import resource
import sys
from types import SimpleNamespace

import psutil
import pytest
import torch

from ebmbench.training import clocks
from ebmbench.training.clocks import Clock, device_peak_bytes, peak_bytes

CPU = torch.device("cpu")


class Hands:
    """What a clock reads: it moves when somebody spends time."""

    def __init__(self) -> None:
        self.now = self.worked = 0.0

    def spend(self, seconds: float, working: float = 0.0) -> None:
        self.now += seconds
        self.worked += working


@pytest.fixture
def hands(monkeypatch: pytest.MonkeyPatch) -> Hands:
    found = Hands()
    monkeypatch.setattr(
        clocks, "time", SimpleNamespace(perf_counter=lambda: found.now, process_time=lambda: found.worked)
    )
    return found


def test_intervals_are_summed_and_what_lies_between_them_is_not(hands: Hands) -> None:
    clock = Clock(CPU)
    for _ in range(3):
        with clock.running():
            hands.spend(2.0)
        hands.spend(100.0)
    assert clock.seconds == 6.0


def test_what_the_process_had_of_the_processor_is_read_beside_it(hands: Hands) -> None:
    clock = Clock(CPU)
    for working in (2.0, 0.5):
        with clock.running():
            hands.spend(2.0, working)
        hands.spend(1.0, 1.0)
    assert (clock.seconds, clock.processor) == (4.0, 2.5)


def test_a_clock_that_was_set_goes_on_from_there(hands: Hands) -> None:
    clock = Clock(CPU)
    clock.seconds = 40.0
    with clock.running():
        hands.spend(2.0)
    assert clock.seconds == 42.0


def test_it_stops_when_what_it_measures_raises(hands: Hands) -> None:
    clock = Clock(CPU)

    def explode() -> None:
        with clock.running():
            hands.spend(1.0)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        explode()
    hands.spend(100.0)
    assert clock.seconds == 1.0


def test_work_that_the_device_still_has_to_do_is_waited_for_at_both_ends(
    hands: Hands, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ten seconds are queued before the clock starts, and are not its; three while it runs, and are."""
    queued = 10.0

    def synchronize(device: torch.device) -> None:
        nonlocal queued
        hands.spend(queued)
        queued = 0.0

    monkeypatch.setattr(torch.cuda, "synchronize", synchronize)
    clock = Clock(torch.device("cuda"))
    with clock.running():
        queued = 3.0
    assert clock.seconds == 3.0
    on_the_cpu = Clock(CPU)
    queued = 3.0
    with on_the_cpu.running():
        pass
    assert on_the_cpu.seconds == 0.0


def test_the_peak_is_no_less_than_what_the_process_holds() -> None:
    """And in the same unit: a factor of 1024 would be seen."""
    held = psutil.Process().memory_info().rss
    assert 0.9 * held < peak_bytes() < 100 * held


@pytest.mark.parametrize(("platform", "unit"), [("linux", 1024), ("darwin", 1)])
def test_the_system_reports_it_in_units_of_its_own(platform: str, unit: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(resource, "getrusage", lambda who: SimpleNamespace(ru_maxrss=5))
    assert peak_bytes() == 5 * unit


def test_the_cpu_has_no_peak_of_its_own() -> None:
    assert device_peak_bytes(CPU) is None
