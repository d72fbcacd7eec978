"""Which devices there are, and why one is not to be had."""

from __future__ import annotations

import pytest
import torch

from ebmbench.planning.devices import missing_device
from ebmbench.suite.schema import DeviceProfile


def machine(monkeypatch: pytest.MonkeyPatch, cuda: int = 0, mps: bool = False) -> None:
    """One with so many cuda devices."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda > 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: cuda)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)


@pytest.mark.parametrize(
    ("device", "cuda", "mps", "missing"),
    [
        ("cpu", 0, False, ""),
        ("cpu", 2, True, ""),
        ("cuda", 1, False, ""),
        ("cuda:0", 1, False, ""),
        ("cuda:1", 2, False, ""),
        ("mps", 0, True, ""),
        ("cuda", 0, True, "no cuda device on this machine"),
        ("cuda:1", 0, False, "no cuda device on this machine"),
        ("cuda:1", 1, False, "no cuda:1 on this machine; it has 1 cuda device(s)"),
        ("cuda:12", 8, False, "no cuda:12 on this machine; it has 8 cuda device(s)"),
        ("mps", 2, False, "no mps device on this machine"),
    ],
)
def test_a_device_is_there_or_the_reason_is_said(
    monkeypatch: pytest.MonkeyPatch, device: str, cuda: int, mps: bool, missing: str
) -> None:
    machine(monkeypatch, cuda, mps)
    assert missing_device(DeviceProfile(device=device)) == missing


def test_nothing_but_the_device_matters(monkeypatch: pytest.MonkeyPatch) -> None:
    machine(monkeypatch)
    assert missing_device(DeviceProfile(device="cpu", dtype="float64", threads=64, compile=True)) == ""
