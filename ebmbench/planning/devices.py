"""Which devices there are."""

from __future__ import annotations

from ebmbench.suite.schema import DeviceProfile


def missing_device(profile: DeviceProfile) -> str:
    """Why the device is not to be had; empty when it is."""
    if profile.device == "cpu":
        return ""
    import torch

    if profile.device == "mps":
        return "" if torch.backends.mps.is_available() else "no mps device on this machine"
    if not torch.cuda.is_available():
        return "no cuda device on this machine"
    index = int(profile.device.partition(":")[2] or 0)
    count = torch.cuda.device_count()
    return "" if index < count else f"no {profile.device} on this machine; it has {count} cuda device(s)"
